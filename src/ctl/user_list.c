/*
 * user_list: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/user_list.h"

#include "base/array.h"

#include <errno.h>

void user_list_done(struct user_list *u)
{
	buf_done(&u->text);
	free(u->at);
	*u = (struct user_list){ 0 };
}

/* The first field; a colon inside quotes belongs to the address. */
static struct slice first_field(struct slice s)
{
	bool in_quotes = false;
	size_t i = 0;

	for (; i < s.n; i++) {
		if (s.p[i] == '"')
			in_quotes = !in_quotes;
		else if (!in_quotes && strchr(": \t,;", s.p[i]) && s.p[i])
			break;
	}
	return slice_head(s, i);
}

static enum err line_take(struct user_list *u, struct slice line)
{
	struct slice word = first_field(slice_trim(line));
	struct address a;
	void *at = u->at;
	enum err e;

	if (word.n == 0 || word.p[0] == '#' || address_parse(word, &a) != ERR_OK || a.text[0] == '\0')
		return ERR_OK;
	e = array_grow(&at, u->count, &u->size, sizeof *u->at, USER_LIST_MAX);
	if (e != ERR_OK)
		return e;
	u->at = at;
	u->at[u->count] = u->text.n;
	e = buf_add(&u->text, slice_of(a.text, strlen(a.text) + 1));
	u->count += e == ERR_OK;
	return e;
}

int user_list_read(struct ctl *c, const char *path, struct user_list *ret)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	enum err e = ERR_OK;
	int status = CTL_DONE;

	*ret = (struct user_list){ 0 };
	buf_init(&ret->text, USER_LIST_MAX * (size_t)ADDRESS_TEXT);
	if (!f)
		return ctl_refuse(c, "%s: %s", path, strerror(errno));
	for (ssize_t n; e == ERR_OK && (n = getline(&line, &size, f)) >= 0;)
		e = line_take(ret, slice_of(line, (size_t)n));
	if (e != ERR_OK)
		status = ctl_refuse(c, "%s: %s", path, e == ERR_LIMIT ? "more users than can be kept" : "no memory");
	else if (ferror(f))
		status = ctl_refuse(c, "%s: cannot be read", path);
	free(line);
	(void)fclose(f);
	return status;
}

/* A bare name is put at localhost: patterns may ask for the @. */
static void address_of(const char *user, struct address *ret)
{
	char text[ADDRESS_TEXT + 16];

	(void)snprintf(text, sizeof text, strchr(user, '@') ? "%s" : "%s@localhost", user);
	if (address_parse(slice_str(text), ret) != ERR_OK) /* it was one when it was read, but is too long now */
		*ret = (struct address){ 0 };
}

const char *user_list_match(const struct user_list *u, struct trap_patterns *p, size_t *i)
{
	while (*i < u->count) {
		const char *user = user_list_at(u, (*i)++);
		struct address a;
		uint32_t id;

		address_of(user, &a);
		if (trap_patterns_find(p, &a, &id))
			return user;
	}
	return NULL;
}
