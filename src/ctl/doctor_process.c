/*
 * doctor_process: are limetwigd's processes able to run at all? A stopped one
 * (SIGSTOP, a debugger, a frozen cgroup) still has its links, so that the engine
 * cannot tell. Reads /proc; where there is none it finds nothing.
 * SPDX-License-Identifier: ISC
 */
#include "base/num.h"
#include "core/role.h"
#include "ctl/doctor.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

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

void doctor_check_processes(struct doctor *d, const struct doctor_daemon_facts *f)
{
	for (size_t i = 0; i < f->processes; i++) {
		const struct doctor_process *p = &f->process[i];
		char mend[DOCTOR_TEXT];

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
