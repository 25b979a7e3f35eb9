/*
 * doctor_feed: lists from outside that never came, are too old, wait for a
 * person, or have a part of our own.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/doctor.h"
#include "ctl/render.h"

#include <string.h>

#define NAME "feed"
#define AGE_S (7 * 86400ull) /* of the lists of a spamd.conf */

static uint64_t age_of(const struct conf *c, const char *name)
{
	for (uint32_t i = 0; i < c->feed_count; i++)
		if (strcmp(c->feed[i].title, name) == 0)
			return c->feed[i].age_s;
	return AGE_S;
}

static uint64_t count_of(const json_t *feed, const char *kind)
{
	return render_number(json_object_get(json_object_get(feed, "collateral"), kind), "count");
}

static void check_feed(struct doctor *d, const json_t *feed, uint64_t now)
{
	const char *name = doctor_text(feed, "name"), *state = doctor_text(feed, "state"),
		   *text = doctor_text(feed, "text");
	uint64_t fetched = render_number(feed, "fetched");

	if (strcmp(state, "held") == 0)
		doctor_addf(d, DOCTOR_WARN, NAME, "the last good list acts",
			"limetwig feed list shows what it would change; to take it: limetwig feed confirm NAME",
			"a change of %.40s waits for you", name);
	if (!render_bool(feed, "acts") && strcmp(state, "fetching") != 0)
		doctor_addf(d, DOCTOR_WARN, NAME, "it does nothing yet",
			"look at source or command in its section, then: limetwig feed refresh",
			"%.40s never came: %.160s", name, *text ? text : state);
	else if (fetched && now > fetched + age_of(d->conf, name))
		doctor_addf(d, DOCTOR_WARN, NAME, "the last good list acts on",
			"look at its source, then: limetwig feed refresh", "%.40s is %llu days old: %.160s", name,
			(unsigned long long)((now - fetched) / 86400), text);
	if (count_of(feed, "own"))
		doctor_addf(d, DOCTOR_WARN, NAME, "they are never blocked; others who use this list refuse our mail",
			"limetwig feed list names them; ask the list to take them off",
			"%.40s has %llu of our own networks", name, (unsigned long long)count_of(feed, "own"));
}

void doctor_check_feeds(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *list = json_object_get(f->status, "feeds"), *feed;
	size_t i, act = 0;

	json_array_foreach(list, i, feed)
	{
		check_feed(d, feed, f->now);
		act += render_bool(feed, "acts");
	}
	if (json_array_size(list) && act == json_array_size(list))
		doctor_addf(d, DOCTOR_OK, NAME, NULL, NULL, "%zu feeds act", act);
}
