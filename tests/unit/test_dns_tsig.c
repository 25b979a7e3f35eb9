/*
 * dns_tsig: against vectors that dnspython 2.3.0 made at TIME with the secret
 * 00 01 ... 1f (its own messages, so some names in them are compressed), and
 * the file of the key.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/dns_tsig_key.h"

#define TIME 1795332000u
#define BEHIND_MAC 6 /* bytes: id, error, other */
#define AT_TTL 43    /* of the signature, in the first answer */

static const struct vector {
	enum dns_tsig_algorithm algorithm;
	const char *update, *answer;           /* signed; of the one the other */
	const char *transfer, *transferred[3]; /* the same, with three messages */
} vectors[] = {
	{
		DNS_TSIG_SHA256,
		"12342800000100000000000102626c076578616d706c650000060001086c696d6574776967c00f00fa00ff0000000000"
		"3d0b686d61632d7368613235360000006b0297a0012c0020121f6eec70b01b5484d577da61282c1a9da7d1396134ed21"
		"95339449c26374ab123400000000",
		"1234a800000100000000000102626c076578616d706c650000060001086c696d6574776967c00f00fa00ff0000000000"
		"3d0b686d61632d7368613235360000006b0297a0012c00208abb1043a430167f7e84cc00f5028ace571ad50b85bd8cd0"
		"4cd7b17ba0e2f068123400000000",
		"43210000000100000000000102626c076578616d706c650000fc0001086c696d6574776967c00f00fa00ff0000000000"
		"3d0b686d61632d7368613235360000006b0297a0012c00200b42737d4447ca6679847449d48226cdbaf60dd2798fda17"
		"6ed437ecfbd66ff0432100000000",
		{ "43218400000100010000000102626c076578616d706c650000fc000101320130013003313237c00c000100010000012c"
		  "00047f000002086c696d6574776967c00f00fa00ff00000000003d0b686d61632d7368613235360000006b0297a0012c"
		  "00208abba46062fef8509c8d376428f19d7f04fe5767c6b9e9ad96dd53cc1743fc21432100000000",
			"4321840000000001000000010133013001300331323702626c076578616d706c6500000100010000012c00047f0000"
			"02"
			"086c696d6574776967c01900fa00ff00000000003d0b686d61632d7368613235360000006b0297a0012c002040e611"
			"21"
			"baec2637e8481922112d51a833edef59a76b09c623a39b75595f2f59432100000000",
			"4321840000000001000000010134013001300331323702626c076578616d706c6500000100010000012c00047f0000"
			"02"
			"086c696d6574776967c01900fa00ff00000000003d0b686d61632d7368613235360000006b0297a0012c00205069d4"
			"c3"
			"71ac35114a33e7a7c6e3547034082c61f9ee2b48460ce3bddce4f39e432100000000" },
	},
	{
		DNS_TSIG_SHA512,
		"12342800000100000000000102626c076578616d706c650000060001086c696d6574776967c00f00fa00ff0000000000"
		"5d0b686d61632d7368613531320000006b0297a0012c0040b3ffea7e549c6a71faf975a4f6d280161cdcb9f00603f109"
		"1d53c40530d4e3c71f2ec0b27a7077a35eda6ed0f17e709700f66da24d47dae0a4b3967111a5a656123400000000",
		"1234a800000100000000000102626c076578616d706c650000060001086c696d6574776967c00f00fa00ff0000000000"
		"5d0b686d61632d7368613531320000006b0297a0012c00402d137ded2db4d0473d02697b320fa018289c111938dfade4"
		"c8ebe06303ab0c8a36f686c9ae63bbe07682a0b612f8a3bb597be77db7319eb4a10cbd4b8467f883123400000000",
		"43210000000100000000000102626c076578616d706c650000fc0001086c696d6574776967c00f00fa00ff0000000000"
		"5d0b686d61632d7368613531320000006b0297a0012c004091eceff0c03f3f0a3c077b154189dbf370deb46bb881152a"
		"81c7f6d52c7337a6f596bc0a5f23d4553d1da8758c862c6b8a18cbb3dd0307d7b6f9548052a7de5b432100000000",
		{ "43218400000100010000000102626c076578616d706c650000fc000101320130013003313237c00c000100010000012c"
		  "00047f000002086c696d6574776967c00f00fa00ff00000000005d0b686d61632d7368613531320000006b0297a0012c"
		  "004067be88adc3e01ec4c6ed64bbbe0ccf3cf7c017b0454a9cf720ad35a51d6e3e9bc2c461f4ba720a34a8e8ee15ae01"
		  "5ce2418193a94a3d041110bc50cf392a767c432100000000",
			"4321840000000001000000010133013001300331323702626c076578616d706c6500000100010000012c00047f0000"
			"02"
			"086c696d6574776967c01900fa00ff00000000005d0b686d61632d7368613531320000006b0297a0012c00405bd6b7"
			"8e"
			"ed4ccdfe11884b0f9ddbcbbde8a7eb75dad66f5dc62570e8f3fa6ee1753a0ed2b72142395c451dc78966c74fbc3d79"
			"20"
			"a5781d7e1545bd77cb0a8549432100000000",
			"4321840000000001000000010134013001300331323702626c076578616d706c6500000100010000012c00047f0000"
			"02"
			"086c696d6574776967c01900fa00ff00000000005d0b686d61632d7368613531320000006b0297a0012c0040242a1f"
			"4b"
			"05d32b35243593117e6db7e732dac04fed00b43766971d25ee2eaa3da5a17cd4bb4d2b3dde9bb71b9b2e8584127132"
			"3e"
			"ed43166b91f9fc95976e7eda432100000000" },
	},
};

static struct dns_tsig_key key_of(enum dns_tsig_algorithm a)
{
	struct dns_tsig_key k = { .name = "limetwig.example", .algorithm = a, .n = 32 };

	for (unsigned i = 0; i < 32; i++)
		k.secret[i] = (uint8_t)i;
	return k;
}

static struct slice unhex(const char *hex, uint8_t to[1024])
{
	size_t n = 0;

	assert_int_equal(sodium_hex2bin(to, 1024, hex, strlen(hex), NULL, &n, NULL), 0);
	return slice_of(to, n);
}

/* Sign what stands before the signature of a vector; the MAC must be the vector's. */
static void sign_again(const struct dns_tsig_key *k, const char *hex, struct dns_tsig *ret)
{
	uint8_t want[1024], bytes[1024];
	struct slice m = unhex(hex, want);
	size_t mac = k->algorithm == DNS_TSIG_SHA512 ? 64 : 32, at = DNS_HEADER;
	struct wr w = wr_init(bytes, sizeof bytes);
	char name[DNS_NAME];

	assert_int_equal(dns_wire_name(m, &at, name), ERR_OK);
	wr_raw(&w, slice_head(m, at + 4));
	bytes[11] = 0;
	dns_tsig_sign(k, TIME, &w, ret);
	assert_false(w.bad);
	assert_int_equal(ret->mac_n, mac);
	assert_memory_equal(ret->mac, m.p + m.n - BEHIND_MAC - mac, mac);
	assert_memory_equal(w.p + w.n - BEHIND_MAC - mac, ret->mac, mac);
	assert_int_equal(bytes[11], 1);
}

static void test_signs_as_others_do(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct dns_tsig_key k = key_of(vectors[i].algorithm);
		struct dns_tsig x;

		sign_again(&k, vectors[i].update, &x);
		sign_again(&k, vectors[i].transfer, &x);
	}
}

static void test_verifies_an_answer(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct dns_tsig_key k = key_of(vectors[i].algorithm);
		uint8_t bytes[1024];
		struct slice body, m = unhex(vectors[i].answer, bytes);
		struct dns_tsig x;
		int64_t clock_s;

		sign_again(&k, vectors[i].update, &x);
		assert_int_equal(dns_tsig_verify(&x, TIME + 10, m, &body, &clock_s), DNS_TSIG_OK);
		assert_int_equal(body.n, DNS_HEADER + 12 + 4);
		assert_true(dns_tsig_is_closed(&x));
	}
}

/* Every bit of the answer counts, but for those of the id that goes over the wire. */
static void test_no_bit_can_change(void **state)
{
	struct dns_tsig_key k = key_of(DNS_TSIG_SHA256);
	uint8_t bytes[1024];
	struct slice body, m = unhex(vectors[0].answer, bytes);
	struct dns_tsig x;
	int64_t clock_s;

	(void)state;
	for (size_t bit = 16; bit < m.n * 8; bit++) {
		sign_again(&k, vectors[0].update, &x);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		/* the case of a letter in a name is not told apart; a TTL of 2^31 and more is 0 (RFC 2181) */
		if (dns_tsig_verify(&x, TIME, m, &body, &clock_s) == DNS_TSIG_OK && bit != AT_TTL * 8 + 7) {
			assert_int_equal(bit % 8, 5);
			assert_in_range(bytes[bit / 8] | 0x20, 'a', 'z');
		}
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t n = 0; n < m.n; n++) {
		sign_again(&k, vectors[0].update, &x);
		assert_int_not_equal(dns_tsig_verify(&x, TIME, slice_head(m, n), &body, &clock_s), DNS_TSIG_OK);
	}
}

static void test_time(void **state)
{
	struct dns_tsig_key k = key_of(DNS_TSIG_SHA256);
	uint8_t bytes[1024];
	struct slice body, m = unhex(vectors[0].answer, bytes);
	struct dns_tsig x;
	int64_t clock_s = 7;

	(void)state;
	sign_again(&k, vectors[0].update, &x);
	assert_int_equal(dns_tsig_verify(&x, TIME + 300, m, &body, &clock_s), DNS_TSIG_OK);
	assert_int_equal(clock_s, 7);
	sign_again(&k, vectors[0].update, &x);
	assert_int_equal(dns_tsig_verify(&x, TIME + 301, m, &body, &clock_s), DNS_TSIG_LATE);
	assert_int_equal(clock_s, -301);
	sign_again(&k, vectors[0].update, &x);
	assert_int_equal(dns_tsig_verify(&x, TIME - 301, m, &body, &clock_s), DNS_TSIG_LATE);
	assert_int_equal(clock_s, 301);
}

/* An answer with this error and other data, signed (or not) as a server does it. */
static struct slice answer_with(
	const struct dns_tsig *x, unsigned error, const char *other, size_t other_n, bool is_signed, uint8_t to[1024])
{
	struct wr w = wr_init(to, 1024), d;
	uint8_t bytes[1024], mac[32];
	crypto_auth_hmacsha256_state s;
	size_t length;

	wr_u16(&w, 0x1234);
	wr_u16(&w, 0xa809);
	wr_u32(&w, 0);
	wr_u32(&w, 0);
	d = wr_init(bytes, sizeof bytes);
	wr_bytes(&d, slice_of(x->mac, x->mac_n));
	wr_raw(&d, wr_slice(&w));
	dns_wire_put_name(&d, x->key->name);
	wr_u16(&d, DNS_CLASS_ANY);
	wr_u32(&d, 0);
	dns_wire_put_name(&d, "hmac-sha256");
	wr_u16(&d, 0);
	wr_u32(&d, TIME);
	wr_u16(&d, 300);
	wr_u16(&d, (uint16_t)error);
	wr_bytes(&d, slice_of(other, other_n));
	crypto_auth_hmacsha256_init(&s, x->key->secret, x->key->n);
	crypto_auth_hmacsha256_update(&s, d.p, d.n);
	crypto_auth_hmacsha256_final(&s, mac);
	to[11] = 1;
	dns_wire_put_name(&w, x->key->name);
	wr_u16(&w, DNS_TYPE_TSIG);
	wr_u16(&w, DNS_CLASS_ANY);
	wr_u32(&w, 0);
	length = w.n;
	wr_u16(&w, 0);
	dns_wire_put_name(&w, "hmac-sha256");
	wr_u16(&w, 0);
	wr_u32(&w, TIME);
	wr_u16(&w, 300);
	wr_bytes(&w, slice_of(mac, is_signed ? 32 : 0));
	wr_u16(&w, 0x1234);
	wr_u16(&w, (uint16_t)error);
	wr_bytes(&w, slice_of(other, other_n));
	to[length] = (uint8_t)((w.n - length - 2) >> 8);
	to[length + 1] = (uint8_t)(w.n - length - 2);
	return wr_slice(&w);
}

static void test_what_the_server_says(void **state)
{
	static const struct {
		unsigned error;
		enum dns_tsig_result is_signed, is_not;
	} errors[] = { { 0, DNS_TSIG_OK, DNS_TSIG_NONE }, { 16, DNS_TSIG_BADSIG, DNS_TSIG_BADSIG },
		{ 17, DNS_TSIG_BADKEY, DNS_TSIG_BADKEY }, { 22, DNS_TSIG_BADTRUNC, DNS_TSIG_BADTRUNC },
		{ 99, DNS_TSIG_WRONG, DNS_TSIG_WRONG } };
	struct dns_tsig_key k = key_of(DNS_TSIG_SHA256);
	struct slice body;
	uint8_t bytes[1024];
	struct dns_tsig x;
	int64_t clock_s = 0;

	(void)state;
	for (unsigned i = 0; i < sizeof errors / sizeof *errors; i++) {
		for (unsigned is_signed = 0; is_signed < 2; is_signed++) {
			struct slice m;

			sign_again(&k, vectors[0].update, &x);
			m = answer_with(&x, errors[i].error, "", 0, is_signed, bytes);
			assert_int_equal(dns_tsig_verify(&x, TIME, m, &body, &clock_s),
				is_signed ? errors[i].is_signed : errors[i].is_not);
		}
	}
	/* the server's clock is 1,000 s ahead */
	sign_again(&k, vectors[0].update, &x);
	body = answer_with(&x, 18, "\0\0\x6b\x02\x9b\x88", 6, true, bytes);
	assert_int_equal(dns_tsig_verify(&x, TIME, body, &body, &clock_s), DNS_TSIG_BADTIME);
	assert_int_equal(clock_s, 1000);
}

static void test_many_messages(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct dns_tsig_key k = key_of(vectors[i].algorithm);
		uint8_t bytes[1024];
		struct slice body;
		struct dns_tsig x;
		int64_t clock_s;

		sign_again(&k, vectors[i].transfer, &x);
		for (unsigned n = 0; n < 3; n++) {
			assert_int_equal(
				dns_tsig_verify(&x, TIME, unhex(vectors[i].transferred[n], bytes), &body, &clock_s),
				DNS_TSIG_OK);
			assert_true(dns_tsig_is_closed(&x));
		}
		/* one that was left out is seen */
		sign_again(&k, vectors[i].transfer, &x);
		assert_int_equal(dns_tsig_verify(&x, TIME, unhex(vectors[i].transferred[0], bytes), &body, &clock_s),
			DNS_TSIG_OK);
		assert_int_equal(dns_tsig_verify(&x, TIME, unhex(vectors[i].transferred[2], bytes), &body, &clock_s),
			DNS_TSIG_WRONG);
	}
}

/* Unsigned ones in between are covered by the next signature; their number is limited, and the first is signed. */
static void test_unsigned_between(void **state)
{
	struct dns_tsig_key k = key_of(DNS_TSIG_SHA256);
	uint8_t plain[DNS_HEADER] = { 0x43, 0x21, 0x84 }, bytes[1024];
	struct slice body, m = slice_of(plain, sizeof plain);
	struct dns_tsig x;
	int64_t clock_s;

	(void)state;
	sign_again(&k, vectors[0].transfer, &x);
	assert_int_equal(dns_tsig_verify(&x, TIME, m, &body, &clock_s), DNS_TSIG_NONE);
	sign_again(&k, vectors[0].transfer, &x);
	assert_int_equal(
		dns_tsig_verify(&x, TIME, unhex(vectors[0].transferred[0], bytes), &body, &clock_s), DNS_TSIG_OK);
	for (unsigned i = 0; i < DNS_TSIG_GAP; i++) {
		assert_int_equal(dns_tsig_verify(&x, TIME, m, &body, &clock_s), DNS_TSIG_OK);
		assert_false(dns_tsig_is_closed(&x));
	}
	assert_int_equal(dns_tsig_verify(&x, TIME, m, &body, &clock_s), DNS_TSIG_NONE);
	/* and a signature that does not cover them is wrong */
	sign_again(&k, vectors[0].transfer, &x);
	assert_int_equal(
		dns_tsig_verify(&x, TIME, unhex(vectors[0].transferred[0], bytes), &body, &clock_s), DNS_TSIG_OK);
	assert_int_equal(dns_tsig_verify(&x, TIME, m, &body, &clock_s), DNS_TSIG_OK);
	assert_int_equal(
		dns_tsig_verify(&x, TIME, unhex(vectors[0].transferred[1], bytes), &body, &clock_s), DNS_TSIG_WRONG);
}

static void test_key_file(void **state)
{
	static const char *const good[] = { "key \"limetwig.example\" {\n\talgorithm hmac-sha256;\n\tsecret "
					    "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\";\n};\n",
		"# made by hand\n// twice\n/* and\nagain */key LimeTwig.Example. { secret "
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=; algorithm HMAC-SHA256; };",
		"  AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n" };
	struct dns_tsig_key want = key_of(DNS_TSIG_SHA256);
	char text[DNS_TSIG_KEY_TEXT] = "";

	(void)state;
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		struct dns_tsig_key k;

		assert_int_equal(
			dns_tsig_key_parse(slice_str(good[i]), "limetwig.example", DNS_TSIG_SHA256, &k, text), ERR_OK);
		assert_string_equal(k.name, want.name);
		assert_int_equal(k.algorithm, want.algorithm);
		assert_int_equal(k.n, want.n);
		assert_memory_equal(k.secret, want.secret, want.n);
		if (i < 2)
			assert_int_equal(dns_tsig_key_parse(slice_str(good[i]), "", DNS_TSIG_SHA512, &k, text), ERR_OK);
	}
}

static void test_key_file_wrong(void **state)
{
	static const struct {
		const char *file, *says;
	} bad[] = {
		{ "", "no key" },
		{ "# nothing\n", "no key" },
		{ "/* for ever", "comment" },
		{ "key", "name" },
		{ "key \"a b\" {", "no DNS name" },
		{ "key \"a", "quotation" },
		{ "key a secret", "\"{\"" },
		{ "key a { };", "no secret" },
		{ "key a { secret AAECAwQFBgcICQoLDA0ODxAREhMUFRYX;", "\"}\"" },
		{ "key a { secret AAECAwQFBgcICQoLDA0ODxAREhMUFRYX }", "\";\"" },
		{ "key a { secret AAECAwQFBgcICQoLDA0ODxAREhMUFRYX; }", "\";\"" },
		{ "key a { secret AAECAwQFBgcICQoLDA0ODxAREhMUFRYX; }; key b", "behind" },
		{ "key a { algorithm hmac-md5; };", "hmac-sha256" },
		{ "key a { colour red; };", "nothing else" },
		{ "key a { secret AAEC; };", "128" },
		{ "AAEC", "128" },
		{ "AAECAwQFBgcICQoLDA0O", "128" }, /* 15 bytes */
		{ "not base64!", "base64" },
		{ "key c { secret AAECAwQFBgcICQoLDA0ODxAREhMUFRYX; };", "another name" },
	};
	struct dns_tsig_key k = { .n = 77 };
	char text[DNS_TSIG_KEY_TEXT], large[DNS_TSIG_KEY_FILE + 1];

	(void)state;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(
			dns_tsig_key_parse(slice_str(bad[i].file), "a", DNS_TSIG_SHA256, &k, text), ERR_SYNTAX);
		if (!strstr(text, bad[i].says))
			fail_msg("\"%s\": %s", bad[i].file, text);
	}
	assert_int_equal(
		dns_tsig_key_parse(slice_str("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"), "", DNS_TSIG_SHA256, &k, text),
		ERR_SYNTAX);
	assert_non_null(strstr(text, "key-name"));
	memset(large, ' ', sizeof large);
	assert_int_equal(dns_tsig_key_parse(slice_of(large, sizeof large), "a", DNS_TSIG_SHA256, &k, text), ERR_SYNTAX);
	assert_int_equal(k.n, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signs_as_others_do),
		cmocka_unit_test(test_verifies_an_answer),
		cmocka_unit_test(test_no_bit_can_change),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_what_the_server_says),
		cmocka_unit_test(test_many_messages),
		cmocka_unit_test(test_unsigned_between),
		cmocka_unit_test(test_key_file),
		cmocka_unit_test(test_key_file_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
