/*
 * user_list: who lives here, from a file of a person (--users): one address or
 * name a line, or lines of aliases ("name: target"), virtual maps ("address
 * target") and passwd; only the first field counts. A name without domain
 * stands for itself at any domain. At most USER_LIST_MAX.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_USER_LIST_H
#define CTL_USER_LIST_H
#include "base/buf.h"
#include "core/address.h"
#include "ctl/ctl.h"
#include "io/trap_pattern.h"

#define USER_LIST_MAX 5000000

struct user_list {
	struct buf text; /* all of them, each a C string */
	size_t *at;      /* where each begins */
	size_t count, size;
};

/* CTL_DONE, or the error was shown. user_list_done in both cases. */
int user_list_read(struct ctl *c, const char *path, struct user_list *ret);
void user_list_done(struct user_list *u);
/* i < count: as it is compared: canonical, or a bare name. */
static inline const char *user_list_at(const struct user_list *u, size_t i)
{
	return u->text.p + u->at[i];
}

/* The next user from *i on that p matches; *i is moved behind it. NULL: no more. */
const char *user_list_match(const struct user_list *u, struct trap_patterns *p, size_t *i);

#endif /* CTL_USER_LIST_H */
