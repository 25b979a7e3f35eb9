/*
 * fuzz_dns_primary: a conversation with the server of a zone, as a list of
 * steps: time passes, the connection comes or goes, a message comes; signed as
 * by somebody who has our key, or not. Whatever is said, a wrong state has its
 * text, what goes out is one message, and in the end a good server is believed.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/dns_primary.h"

#define ZONE "bl.example"
#define TURNS 64 /* of one step: it may have much to look at */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum step { STEP_TIME, STEP_UP, STEP_LOST, STEP_PLAIN, STEP_SIGNED, STEP_DIRTY, STEPS };

static struct conf conf;
static const struct dns_tsig_key key = {
	.name = "k.example", .algorithm = DNS_TSIG_SHA256, .n = 32, .secret = { 1, 2, 3 }
};

struct talk {
	struct dns_mirror mirror;
	struct dns_primary primary;
	struct dns_primary_time t;
	uint8_t mac[DNS_TSIG_MAC]; /* of what was signed last, by either side */
	bool is_later;
};

static void check(const struct talk *x)
{
	const struct dns_primary *p = &x->primary;

	if ((unsigned)p->state >= DNS_PRIMARY_STATES || dns_primary_is_wrong(p->state) != (p->text[0] != '\0'))
		abort();
	if (x->mirror.flights > DNS_MIRROR_FLIGHT || p->back_ms > DNS_PRIMARY_BACK_MAX_MS)
		abort();
}

/* As its caller does: until it waits for something. */
static void turn(struct talk *x)
{
	struct dns_primary *p = &x->primary;

	for (unsigned i = 0; i < TURNS; i++) {
		switch (dns_primary_next(p, &x->t)) {
		case DNS_PRIMARY_SEND:
			if (p->out_n < 2 + DNS_HEADER || p->out_n > sizeof p->out ||
				p->out_n != 2u + (size_t)(p->out[0] << 8 | p->out[1]))
				abort();
			memcpy(x->mac, p->tsig.mac, sizeof x->mac);
			x->is_later = false;
			return;
		case DNS_PRIMARY_WAIT:
			return;
		case DNS_PRIMARY_AGAIN:
		case DNS_PRIMARY_CONNECT:
		case DNS_PRIMARY_CLOSE:
			break;
		}
	}
}

static void put_time(struct wr *w, const struct talk *x)
{
	wr_u16(w, (uint16_t)(x->t.now_s >> 32));
	wr_u32(w, (uint32_t)x->t.now_s);
	wr_u16(w, DNS_TSIG_FUDGE);
}

/* An answer of somebody who has the key: computed here, not by core/dns_tsig. */
static void sign(struct talk *x, struct wr *w)
{
	uint8_t bytes[256];
	struct wr d = wr_init(bytes, sizeof bytes);
	crypto_auth_hmacsha256_state s;

	wr_bytes(&d, slice_of(x->mac, 32));
	crypto_auth_hmacsha256_init(&s, key.secret, key.n);
	crypto_auth_hmacsha256_update(&s, d.p, d.n);
	crypto_auth_hmacsha256_update(&s, w->p, w->n);
	d = wr_init(bytes, sizeof bytes);
	if (!x->is_later) {
		dns_wire_put_name(&d, key.name);
		wr_u16(&d, DNS_CLASS_ANY);
		wr_u32(&d, 0);
		dns_wire_put_name(&d, "hmac-sha256");
	}
	put_time(&d, x);
	if (!x->is_later)
		wr_u32(&d, 0);
	crypto_auth_hmacsha256_update(&s, d.p, d.n);
	crypto_auth_hmacsha256_final(&s, x->mac);
	x->is_later = true;
	dns_wire_put_name(w, key.name);
	wr_u16(w, DNS_TYPE_TSIG);
	wr_u16(w, DNS_CLASS_ANY);
	wr_u32(w, 0);
	wr_u16(w, 13 + 8 + 2 + 32 + 6);
	dns_wire_put_name(w, "hmac-sha256");
	put_time(w, x);
	wr_bytes(w, slice_of(x->mac, 32));
	wr_raw(w, slice_of(w->p, 2));
	wr_u32(w, 0);
	w->p[11]++;
}

static void message(struct talk *x, struct slice text, bool is_signed)
{
	uint8_t bytes[4096];
	struct wr w = wr_init(bytes, sizeof bytes);

	/* the id is no secret to a server */
	wr_u16(&w, x->primary.id);
	wr_raw(&w, slice_head(text, 2048));
	if (is_signed && w.n >= DNS_HEADER && w.p[11] != 255)
		sign(x, &w);
	dns_primary_message(&x->primary, &x->t, wr_slice(&w));
}

static void step(struct talk *x, enum step s, uint8_t how, struct slice text)
{
	switch (s) {
	case STEP_TIME:
		x->t.mono_ms += 1u << (how & 31);
		x->t.now_s += (1u << (how & 31)) / 1000;
		break;
	case STEP_UP:
		if (x->primary.link == PRIMARY_CONNECTING)
			dns_primary_up(&x->primary, &x->t);
		break;
	case STEP_LOST:
		if (x->primary.link != PRIMARY_DOWN)
			dns_primary_lost(&x->primary, &x->t, "gone");
		break;
	case STEP_PLAIN:
	case STEP_SIGNED:
		message(x, text, s == STEP_SIGNED);
		break;
	case STEP_DIRTY:
		dns_mirror_want(&x->mirror, NULL, &conf);
		x->primary.is_dirty = true;
		break;
	case STEPS:
		break;
	}
}

/* Steps: a byte that says which and how, one that counts its bytes, these. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t hash_key[SIPHASH_KEY] = { 7 };
	static struct talk x;

	if (!conf.dnsbl.zone[0]) {
		conf_defaults(&conf);
		memcpy(conf.dnsbl.zone, ZONE, sizeof ZONE);
	}
	x = (struct talk){ .t = { .now_s = 1795332000, .mono_ms = 1000, .random = 0x1234 } };
	dns_mirror_init(&x.mirror, hash_key);
	dns_mirror_want(&x.mirror, NULL, &conf);
	dns_primary_init(&x.primary, &x.mirror, &key, ZONE);
	turn(&x);
	while (size >= 2) {
		struct slice text = slice_head(slice_of(data + 2, size - 2), data[1]);

		step(&x, (enum step)(data[0] % STEPS), data[0] >> 3, text);
		turn(&x);
		check(&x);
		data += 2 + text.n;
		size -= 2 + text.n;
	}
	dns_mirror_done(&x.mirror);
	return 0;
}
