/*
 * doctor_process: are limetwigd's processes able to run at all, and of the program
 * that is installed? A stopped one (SIGSTOP, a debugger, a frozen cgroup) still has
 * its links, so that the engine cannot tell. Reads /proc; where there is none it finds nothing.
 * SPDX-License-Identifier: ISC
 */
#include "base/num.h"
#include "core/role.h"
#include "ctl/doctor.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "pid (name) S ppid ...": the name may hold anything. */
static bool read_stat(int pid, char *ret_state, int *ret_parent)
{
	char path[64], text[512];
	const char *p;
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(text, 1, sizeof text - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	p = strrchr(text, ')');
	if (!p || strlen(p) < 5)
		return false;
	*ret_state = p[2];
	*ret_parent = (int)strtol(p + 4, NULL, 10);
	return true;
}

/* The word behind -x in its command line. */
static void read_role(int pid, char to[16])
{
	char path[64], text[1024];
	const char *p, *end;
	FILE *f;

	to[0] = '\0';
	(void)snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	end = text + fread(text, 1, sizeof text - 1, f);
	(void)fclose(f);
	text[end - text] = '\0';
	for (p = text; p < end; p += strlen(p) + 1)
		if (strcmp(p, "-x") == 0 && p + 3 < end) {
			slice_copy(slice_str(p + 3), to, 16);
			return;
		}
}

/* The kernel says so behind the name of a file that has none any more. */
static bool is_replaced(int pid)
{
	static const char gone[] = " (deleted)";
	char path[64], file[4096];
	ssize_t n;

	(void)snprintf(path, sizeof path, "/proc/%d/exe", pid);
	n = readlink(path, file, sizeof file - 1);
	if (n < (ssize_t)sizeof gone)
		return false;
	file[n] = '\0';
	return strcmp(file + n - (sizeof gone - 1), gone) == 0;
}

size_t doctor_processes_find(int parent, struct doctor_process to[DOCTOR_PROCESSES])
{
	DIR *folder = opendir("/proc");
	const struct dirent *d;
	size_t n = 0;

	while (folder && n < DOCTOR_PROCESSES && (d = readdir(folder))) {
		struct doctor_process *p = &to[n];
		uint64_t pid;
		int above;

		if (num_parse(slice_str(d->d_name), INT32_MAX, &pid) != ERR_OK ||
			!read_stat((int)pid, &p->state, &above) || (above != parent && (int)pid != parent))
			continue;
		p->pid = (int)pid;
		p->is_replaced = is_replaced((int)pid);
		if ((int)pid == parent)
			slice_copy(SLICE_LIT("parent"), p->role, sizeof p->role);
		else
			read_role((int)pid, p->role);
		n += p->role[0] != '\0';
	}
	if (folder)
		(void)closedir(folder);
	return n;
}

/* A new version installed over a daemon that runs: its roles go on with the old file, also those that start anew. */
static void check_version(struct doctor *d, const struct doctor_process *p)
{
	if (p->is_replaced && strcmp(p->role, "parent") == 0)
		doctor_add(d, DOCTOR_WARN, "daemon", "limetwigd still runs the program that was there when it started",
			"a new one was installed since; the new command may ask for what the old daemon does not know",
			"systemctl restart limetwigd: blocks stay in force");
}

void doctor_check_processes(struct doctor *d, const struct doctor_daemon_facts *f)
{
	for (size_t i = 0; i < f->processes; i++) {
		const struct doctor_process *p = &f->process[i];
		char mend[DOCTOR_TEXT];

		check_version(d, p);
		if (!strchr("TtZ", p->state))
			continue;
		(void)snprintf(mend, sizeof mend,
			"who stopped it (SIGSTOP, debugger)? kill -CONT %d, or: systemctl restart limetwigd", p->pid);
		doctor_addf(d, DOCTOR_FAIL, "daemon",
			strcmp(p->role, "parent") == 0
				? "no role is watched or started again"
				: "its part does nothing; limetwigd kills and restarts it after 30 s",
			mend, "the role %s is %s (process %d)", p->role, p->state == 'Z' ? "dead" : "stopped", p->pid);
	}
}
