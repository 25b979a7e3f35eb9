/*
 * capture_sample: a message that a blocked host gave to the tarpit, as a file
 * in the corpus. No hit names it: the log line does, `forget` and `person` find
 * it by its envelope, retention takes it like the others. The tarpit is not
 * believed: how many and how long is looked at again here.
 * SPDX-License-Identifier: ISC
 */
#include "base/escape.h"
#include "io/log.h"
#include "role/capture.h"

#include <stdlib.h>
#include <unistd.h>

#define HOUR_S 3600
#define TRACE_MAX (64u << 10)

static bool is_wanted(struct capture *c, uint64_t now_s)
{
	if (c->samples.hour != now_s / HOUR_S) {
		c->samples.hour = now_s / HOUR_S;
		c->samples.taken = 0;
	}
	if (c->samples.taken >= c->host->conf.tarpit.sample)
		return false;
	c->samples.taken++;
	return true;
}

/* Whoever else has the descriptor can change what is read, but not how much. */
static size_t read_all(int fd, char *to)
{
	size_t n = 0;
	ssize_t k;

	while (n < MESSAGE_SAMPLE && (k = pread(fd, to + n, MESSAGE_SAMPLE - n, (off_t)n)) > 0)
		n += (size_t)k;
	return n;
}

/* With the empty line. */
static size_t header_of(struct slice s)
{
	for (size_t i = 0; i + 4 <= s.n; i++)
		if (memcmp(s.p + i, "\r\n\r\n", 4) == 0)
			return i + 4;
	return s.n;
}

static enum err keep(struct capture *c, struct corpus_file *f, struct slice trace, struct slice message)
{
	size_t header = header_of(message);

	corpus_begin(c->corpus, clock_wall_s(), f);
	corpus_add(c->corpus, f, trace, true);
	corpus_add(c->corpus, f, slice_head(message, header), true);
	corpus_add(c->corpus, f, slice_from(message, header), false);
	corpus_finish(c->corpus, f);
	if (!f->id[0])
		return ERR_LIMIT;
	if (corpus_sync(c->corpus, f) != ERR_OK)
		return ERR_IO;
	return corpus_publish(c->corpus, &f, 1);
}

static void keep_and_log(struct capture *c, const struct msg_sample *m, struct slice trace, struct slice message)
{
	char client[IPADDR_TEXT], shown[4 * MESSAGE_CASE];
	struct corpus_file f = { 0 };
	enum err e = keep(c, &f, trace, message);

	if (e == ERR_OK)
		log_info("sample", "case=%s client=%s bytes=%u kept=%zu corpus=%s",
			escape_text(slice_str(m->case_id), shown, sizeof shown), ipaddr_format(&m->client, client),
			m->size, message.n, f.id);
	else
		log_warn("sample", "client=%s error=%s", ipaddr_format(&m->client, client), err_name(e));
	if (f.is_published)
		corpus_release(c->corpus, &f);
	else
		corpus_drop(c->corpus, &f);
}

void capture_sample_take(struct capture *c, const struct msg_sample *m, int fd)
{
	char *message = is_wanted(c, clock_wall_s()) ? malloc(MESSAGE_SAMPLE) : NULL;
	struct lmtp_client client = { .addr = m->client };
	struct buf trace;
	size_t n;

	if (!message)
		return;
	buf_init(&trace, TRACE_MAX);
	n = read_all(fd, message);
	slice_copy(slice_str(m->helo), client.helo, sizeof client.helo);
	if (n && envelope_write_sample(&client, m, &trace) == ERR_OK)
		keep_and_log(c, m, buf_slice(&trace), slice_of(message, n));
	buf_done(&trace);
	free(message);
}
