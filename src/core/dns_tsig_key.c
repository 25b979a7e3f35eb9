/*
 * dns_tsig_key: words, and ";", "{", "}"; a word may be quoted.
 * SPDX-License-Identifier: ISC
 */
#include "core/dns_tsig_key.h"

/* What has been read of the file. */
struct key_reader {
	struct slice left;
	struct slice word; /* "" at the end */
	const char *wrong;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_mark(char c)
{
	return c == '{' || c == '}' || c == ';';
}

/* Over blanks and comments. False: a comment has no end. */
static bool skip(struct slice *s)
{
	for (;;) {
		while (s->n && is_blank(s->p[0]))
			*s = slice_from(*s, 1);
		if (slice_starts(*s, SLICE_LIT("#")) || slice_starts(*s, SLICE_LIT("//"))) {
			*s = slice_from(*s, slice_find(*s, '\n'));
		} else if (slice_starts(*s, SLICE_LIT("/*"))) {
			size_t i = 2;

			while (i + 1 < s->n && (s->p[i] != '*' || s->p[i + 1] != '/'))
				i++;
			if (i + 1 >= s->n)
				return false;
			*s = slice_from(*s, i + 2);
		} else {
			return true;
		}
	}
}

/* The next word without its quotes, or a mark; "" at the end. */
static bool next(struct key_reader *r)
{
	struct slice s;
	size_t n = 0;

	if (!skip(&r->left)) {
		r->wrong = "a comment does not end";
		return false;
	}
	s = r->left;
	if (s.n && s.p[0] == '"') {
		n = slice_find(slice_from(s, 1), '"');
		if (n + 1 >= s.n) {
			r->wrong = "a quotation mark is missing";
			return false;
		}
		r->word = slice_of(s.p + 1, n);
		r->left = slice_from(s, n + 2);
		return true;
	}
	if (s.n && is_mark(s.p[0]))
		n = 1;
	while (n < s.n && !is_blank(s.p[n]) && !is_mark(s.p[n]) && s.p[n] != '"' && !is_mark(s.p[0]))
		n++;
	r->word = slice_head(s, n);
	r->left = slice_from(s, n);
	return true;
}

static bool expect(struct key_reader *r, const char *mark, const char *wrong)
{
	if (!next(r))
		return false;
	if (!slice_eq(r->word, slice_str(mark))) {
		r->wrong = wrong;
		return false;
	}
	return true;
}

static const char *take_secret(struct slice word, struct dns_tsig_key *k)
{
	const char *end;

	if (sodium_base642bin(k->secret, sizeof k->secret, word.p, word.n, " \t\r\n", &k->n, &end,
		    sodium_base64_VARIANT_ORIGINAL) != 0 ||
		end != word.p + word.n)
		return "the secret is no base64, or too long";
	return k->n < DNS_TSIG_KEY_LEAST ? "the secret is shorter than 128 bits" : NULL;
}

static const char *take_algorithm(struct slice word, struct dns_tsig_key *k)
{
	if (slice_eq_nocase(word, SLICE_LIT("hmac-sha256")))
		k->algorithm = DNS_TSIG_SHA256;
	else if (slice_eq_nocase(word, SLICE_LIT("hmac-sha512")))
		k->algorithm = DNS_TSIG_SHA512;
	else
		return "the algorithm must be hmac-sha256 or hmac-sha512";
	return NULL;
}

/* One `algorithm X;` or `secret X;`, its first word being read. */
static bool take_statement(struct key_reader *r, struct dns_tsig_key *k, bool *has_secret)
{
	bool is_secret = slice_eq(r->word, SLICE_LIT("secret"));

	if (!is_secret && !slice_eq(r->word, SLICE_LIT("algorithm"))) {
		r->wrong = "a key has algorithm and secret, nothing else";
		return false;
	}
	if (!next(r))
		return false;
	r->wrong = is_secret ? take_secret(r->word, k) : take_algorithm(r->word, k);
	*has_secret = *has_secret || is_secret;
	return !r->wrong && expect(r, ";", "a \";\" is missing");
}

/* Behind the word `key`. */
static bool take_key(struct key_reader *r, struct dns_tsig_key *k)
{
	bool has_secret = false;

	if (!next(r))
		return false;
	if (dns_question_name(r->word, k->name) != ERR_OK) {
		r->wrong = "the name of the key is no DNS name";
		return false;
	}
	if (!expect(r, "{", "a \"{\" is missing"))
		return false;
	while (next(r) && r->word.n && !slice_eq(r->word, SLICE_LIT("}")))
		if (!take_statement(r, k, &has_secret))
			return false;
	if (!r->wrong && r->word.n == 0)
		r->wrong = "a \"}\" is missing";
	if (!r->wrong && !has_secret)
		r->wrong = "the key has no secret";
	return !r->wrong && expect(r, ";", "a \";\" is missing") && expect(r, "", "something stands behind the key");
}

static void read_file(struct slice file, struct key_reader *r, struct dns_tsig_key *k)
{
	*r = (struct key_reader){ .left = file };
	if (!next(r))
		return;
	if (slice_eq(r->word, SLICE_LIT("key")))
		(void)take_key(r, k);
	else if (r->word.n == 0)
		r->wrong = "there is no key in it";
	else if (slice_find(file, '\0') < file.n)
		r->wrong = "it is no text";
	else
		r->wrong = take_secret(slice_trim(file), k);
}

enum err dns_tsig_key_parse(struct slice file, const char *name, enum dns_tsig_algorithm algorithm,
	struct dns_tsig_key *ret, char text[DNS_TSIG_KEY_TEXT])
{
	struct dns_tsig_key k = { .algorithm = algorithm };
	struct key_reader r = { .wrong = "it is too long" };
	char wanted[DNS_NAME] = "";
	enum err e = ERR_SYNTAX;

	if (file.n <= DNS_TSIG_KEY_FILE)
		read_file(file, &r, &k);
	if (!r.wrong && *name && dns_question_name(slice_str(name), wanted) != ERR_OK)
		r.wrong = "key-name is no DNS name";
	if (!r.wrong && *wanted && *k.name && strcmp(wanted, k.name) != 0)
		r.wrong = "the key in it has another name than key-name says";
	if (!r.wrong && !*wanted && !*k.name)
		r.wrong = "a bare secret needs key-name";
	if (r.wrong) {
		slice_copy(slice_str(r.wrong), text, DNS_TSIG_KEY_TEXT);
	} else {
		if (*wanted)
			memcpy(k.name, wanted, sizeof k.name);
		*ret = k;
		e = ERR_OK;
	}
	sodium_memzero(&k, sizeof k);
	return e;
}
