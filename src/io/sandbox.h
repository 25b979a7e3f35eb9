/*
 * sandbox: what each role may do, put in force by the kernel: capabilities,
 * no_new_privs, Landlock by what this kernel knows, seccomp. One table of
 * rights (sandbox_roles.c), one back-end (sandbox_linux.c). One-way: nothing
 * here can be undone. Logs nothing; texts are for the caller's log.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_SANDBOX_H
#define IO_SANDBOX_H
#include "core/conf.h"
#include "core/role.h"
#include "base/err.h"

#include <sys/types.h>

/* Groups of system calls of a role that names all it may do. */
enum sandbox_calls {
	CALLS_FILES = 1,     /* open, rename, sync ... (where: Landlock says) */
	CALLS_ACCEPT = 2,    /* take connections on listeners it was given */
	CALLS_THREADS = 4,   /* more threads of its own */
	CALLS_NETLINK = 8,   /* netlink sockets of its own */
	CALLS_INTERNET = 32, /* UDP and TCP sockets of its own, outwards */
	CALLS_ANY = 16,      /* runs other programs: all but what no such program needs */
};

enum sandbox_may { MAY_READ = 1, MAY_WRITE = 2, MAY_EXEC = 4 };

#define SANDBOX_PATHS 192
#define SANDBOX_PATH (CONF_TEXT + 32)

struct sandbox_path {
	char path[SANDBOX_PATH];
	unsigned may; /* enum sandbox_may */
};

struct sandbox_rights {
	uint64_t caps;     /* bits 1 << CAP_x that the role keeps */
	bool is_handed_on; /* programs it runs get them too */
	unsigned calls;    /* enum sandbox_calls */
	bool has_network;  /* its programs may use TCP (Landlock stays out of it) */
	unsigned paths;
	struct sandbox_path path[SANDBOX_PATHS];
};

/* The rights of a role under this configuration: the table. */
void sandbox_rights(enum role role, const struct conf *c, struct sandbox_rights *ret);

/*
 * In the child, between fork and exec: give up all capabilities but those of
 * the role under this configuration, become uid and gid (not root: false leaves them as they are), pass
 * the role's capabilities on through exec. ERR_IO: errno.
 */
enum err sandbox_become(enum role role, const struct conf *c, bool is_root, uid_t uid, gid_t gid, const gid_t *groups,
	size_t n) MUST_USE;
/* This process and its children keep only the role's capabilities (the parent: its own list). ERR_IO. */
enum err sandbox_limit_caps(enum role role) MUST_USE;
/*
 * Capabilities, no_new_privs, Landlock. Before the role's first thread:
 * Landlock binds only the calling thread. A kernel without Landlock is no
 * error; text says what is in force ("landlock=7"). ERR_IO: text says what failed.
 */
enum err sandbox_confine_files(enum role role, const struct conf *c, char *text, size_t size) MUST_USE;
/* seccomp, all threads. The same about text. */
enum err sandbox_confine_calls(enum role role, const struct conf *c, char *text, size_t size) MUST_USE;

#endif /* IO_SANDBOX_H */
