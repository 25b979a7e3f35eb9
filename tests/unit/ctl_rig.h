/*
 * ctl_rig: the command as a person types it, with a configuration in a folder
 * of its own; what it writes is kept. Include cmocka first.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_CTL_RIG_H
#define TESTS_CTL_RIG_H
#include <string.h>
#include <sys/stat.h>

#include "ctl/ctl.h"
#include "temp_dir.h"

static char conf_path[100], *out, *err;

/* After dir_make: traps.d, and a configuration with the trap files there and what follows. */
static inline int rig_make(const char *conf)
{
	char text[600];

	if (mkdir(in_dir("traps.d"), 0755) != 0)
		return -1;
	(void)snprintf(conf_path, sizeof conf_path, "%s/limetwig.conf", dir);
	(void)snprintf(text, sizeof text, "traps { files = { \"%s/traps.d/*.txt\" } }\n%s", dir, conf);
	write_file("limetwig.conf", text);
	return 0;
}

static inline int rig_remove(void)
{
	free(out);
	free(err);
	out = err = NULL;
	return dir_remove();
}

/* A folder, and a configuration with nothing but its places. */
static inline int rig_setup(void **state)
{
	char text[300];

	(void)state;
	if (dir_make() != 0)
		return -1;
	(void)snprintf(text, sizeof text, "storage { dir = %s/lib run = %s/run }\n", dir, dir);
	return rig_make(text);
}

static inline int rig_teardown(void **state)
{
	(void)state;
	return rig_remove();
}

/* "DIR/" becomes our folder. */
static inline void expand(const char *words, char *to, size_t size)
{
	size_t n = 0;

	while (*words && n + sizeof dir + 2 < size) {
		if (strncmp(words, "DIR/", 4) == 0) {
			n += (size_t)snprintf(to + n, size - n, "%s/", dir);
			words += 4;
		} else {
			to[n++] = *words++;
		}
	}
	to[n] = '\0';
}

/* limetwig --conf ... WORDS, separated by one blank. */
static inline int run(const char *words)
{
	static char name[] = "limetwig", option[] = "--conf";
	char copy[1600], *argv[40], *save = NULL;
	int argc = 3, status;
	size_t out_n = 0, err_n = 0;
	FILE *o, *e;

	expand(words, copy, sizeof copy);
	argv[0] = name;
	argv[1] = option;
	argv[2] = conf_path;
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	free(out);
	free(err);
	o = open_memstream(&out, &out_n);
	e = open_memstream(&err, &err_n);
	status = ctl_main(argc, argv, o, e);
	assert_int_equal(fclose(o), 0);
	assert_int_equal(fclose(e), 0);
	return status;
}

#endif /* TESTS_CTL_RIG_H */
