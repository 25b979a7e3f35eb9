/*
 * setup_postfix_queue: messages for limetwig.invalid in the queue. Without our
 * transport they would bounce to forged senders; so it stays until they are gone.
 * SPDX-License-Identifier: ISC
 */
#include "core/alias_map.h"
#include "ctl/setup_postfix_private.h"
#include "io/loop.h"
#include "io/postfix_tool.h"

#include <jansson.h>
#include <poll.h>
#include <stdio.h>

#define QUEUE_MAX (256u << 20) /* bytes of postqueue -j */
#define ASK_MAX 100u           /* messages that are asked for one by one: a process each */
#define QUEUE_ID 64

static bool is_ours(const json_t *recipient)
{
	const char *text = json_string_value(json_object_get(recipient, "address"));
	struct slice s = slice_str(text), domain = slice_from(s, slice_rfind(s, '@') + 1);

	return slice_eq_nocase(domain, SLICE_LIT(ALIAS_MAP_DOMAIN)) ||
	       (slice_ends(domain, SLICE_LIT("." ALIAS_MAP_DOMAIN)));
}

static enum err count_message(struct slice line, struct setup_queue *q)
{
	json_t *m = json_loadb(line.p, line.n, 0, NULL);
	json_t *recipients = json_object_get(m, "recipients"), *r;
	const char *id = json_string_value(json_object_get(m, "queue_id"));
	json_int_t age = (json_int_t)q->now - json_integer_value(json_object_get(m, "arrival_time"));
	size_t ours = 0, others = 0, i;
	enum err e = ERR_OK;

	json_array_foreach(recipients, i, r)
	{
		if (is_ours(r))
			ours++;
		else
			others++;
	}
	if (ours && age > q->oldest_s)
		q->oldest_s = age;
	if (ours && others) {
		q->mixed++;
	} else if (ours && id) {
		q->pure++;
		e = buf_printf(&q->ids, "%s\n", id);
	}
	json_decref(m);
	return e;
}

enum err setup_queue_read(const char *dir, struct setup_queue *q, char *text, size_t n)
{
	const char *const argv[] = { "postqueue", "-c", dir, "-j", NULL };
	struct slice all, line;
	struct buf out;
	enum err e = ERR_OK;

	q->pure = q->mixed = 0;
	q->oldest_s = 0;
	buf_reset(&q->ids);
	buf_init(&out, QUEUE_MAX);
	if (!setup_run(argv, &out, text, n))
		e = ERR_IO;
	all = buf_slice(&out);
	while (e == ERR_OK && slice_line(&all, &line))
		e = count_message(line, q);
	buf_done(&out);
	return e;
}

/* Of ours alone: the rest of the queue may be full of what no server wants to see again before its time. */
static bool ask_each(const char *dir, const struct setup_queue *q)
{
	char id[QUEUE_ID], text[SETUP_TEXT];
	const char *const argv[] = { "postqueue", "-c", dir, "-i", id, NULL };
	struct slice all = buf_slice(&q->ids), line;

	if (q->mixed || q->pure > ASK_MAX)
		return false;
	while (slice_line(&all, &line)) {
		slice_copy(line, id, sizeof id);
		if (!setup_run(argv, NULL, text, sizeof text))
			return false;
	}
	return true;
}

enum err setup_queue_drain(const char *dir, struct setup_queue *q, char *text, size_t n)
{
	const char *const flush[] = { "postqueue", "-c", dir, "-f", NULL };
	uint64_t end = clock_mono_ms() + SETUP_WAIT_MS;
	enum err e = setup_queue_read(dir, q, text, n);

	if (e != ERR_OK || q->pure + q->mixed == 0)
		return e;
	if (!ask_each(dir, q) && !setup_run(flush, NULL, text, n))
		return ERR_IO;
	while (e == ERR_OK && q->pure + q->mixed > 0 && clock_mono_ms() < end) {
		(void)poll(NULL, 0, 300);
		e = setup_queue_read(dir, q, text, n);
	}
	return e;
}

enum err setup_queue_delete(const char *dir, const struct setup_queue *q, char *text, size_t n)
{
	const char *const argv[] = { "postsuper", "-c", dir, "-d", "-", NULL };
	int status = -1;
	enum err e = postfix_tool_run(argv, buf_slice(&q->ids), POSTFIX_TOOL_MS, NULL, NULL, &status);

	if (e == ERR_OK && status == 0)
		return ERR_OK;
	(void)snprintf(text, n, "postsuper -d failed");
	return ERR_IO;
}
