/*
 * maillog_time: fixed columns, so that a line costs no search.
 * SPDX-License-Identifier: ISC
 */
#include "core/maillog_time.h"

#define DAY_S 86400
#define TRADITIONAL_N 15 /* "Nov 21 21:25:01" */
#define RFC3339_N 19     /* "2026-11-21T21:25:01" */
#define DATE_TRADITIONAL_N 7
#define DATE_RFC3339_N 10

struct civil {
	int64_t year;
	uint32_t month, day;
};

/* Two digits; the first may be a blank. 255: neither. */
static uint32_t two_digits(const char *p)
{
	uint32_t a = p[0] == ' ' ? 0 : (uint32_t)(unsigned char)p[0] - '0', b = (uint32_t)(unsigned char)p[1] - '0';

	return a > 9 || b > 9 ? 255 : a * 10 + b;
}

/* Days from 1970-01-01 in the Gregorian calendar; years begin in March, so that the leap day is the last. */
static int64_t days_of(int64_t year, uint32_t month, uint32_t day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = y / 400, yoe = y - era * 400;
	int64_t doy = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static bool is_leap(int64_t y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

static bool is_day(const struct civil *c)
{
	static const uint8_t days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (c->month < 1 || c->month > 12 || c->day < 1)
		return false;
	return c->day <= days[c->month - 1] + (c->month == 2 && is_leap(c->year) ? 1u : 0u);
}

/* "21:25:01" as second of its day; a leap second is the second after. */
static bool clock_take(const char *p, int64_t *ret_s)
{
	uint32_t hour = two_digits(p), minute = two_digits(p + 3), second = two_digits(p + 6);

	*ret_s = (int64_t)hour * 3600 + minute * 60 + second;
	return p[2] == ':' && p[5] == ':' && hour < 24 && minute < 60 && second <= 60;
}

static uint32_t month_of(const char *p)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (uint32_t m = 0; m < 12; m++)
		if (memcmp(names + (size_t)m * 3, p, 3) == 0)
			return m + 1;
	return 0;
}

/* The year of t. Near enough by division: exact at the first and last day does not matter to the caller. */
static int64_t year_near(int64_t t)
{
	return 1970 + t / 31556952;
}

/* The date at the front of s is that of the line before. */
static bool is_same_day(const struct maillog_clock *k, const struct slice *s, size_t n)
{
	return k->day_n == n && memcmp(k->day, s->p, n) == 0;
}

static void day_keep(struct maillog_clock *k, const struct slice *s, size_t n, int64_t midnight)
{
	memcpy(k->day, s->p, n);
	k->day_n = (uint8_t)n;
	k->midnight = midnight;
}

/* The midnight of the last year in which the time is not more than a day after ref. False: no such day. */
static bool year_find(struct civil c, int64_t clock_s, int64_t ref, int32_t utc_offset_s, int64_t *ret_midnight)
{
	int64_t year = year_near(ref + utc_offset_s) + 1;

	/* a leap day lies up to eight years back */
	for (c.year = year; c.year > year - 10; c.year--) {
		if (!is_day(&c))
			continue;
		*ret_midnight = days_of(c.year, c.month, c.day) * DAY_S - utc_offset_s;
		if (*ret_midnight + clock_s <= ref + DAY_S)
			return true;
	}
	return false;
}

static enum err traditional_take(struct slice *s, struct maillog_clock *k, uint64_t *ret)
{
	int64_t ref = (int64_t)(k->now > INT32_MAX * INT64_C(64) ? 0 : k->now), clock_s, midnight = k->midnight;

	if (!clock_take(s->p + DATE_TRADITIONAL_N, &clock_s) || s->p[3] != ' ' || s->p[6] != ' ')
		return ERR_SYNTAX;
	if (!is_same_day(k, s, DATE_TRADITIONAL_N)) {
		struct civil c = { .month = month_of(s->p), .day = two_digits(s->p + 4) };

		if (!year_find(c, clock_s, ref, k->utc_offset_s, &midnight) || midnight + clock_s < 0)
			return ERR_SYNTAX;
		/* kept only where all its times are of this year */
		if (midnight >= 0 && midnight <= ref && midnight + 364 * DAY_S > ref)
			day_keep(k, s, DATE_TRADITIONAL_N, midnight);
	}
	*ret = (uint64_t)(midnight + clock_s);
	*s = slice_from(*s, TRADITIONAL_N + 1);
	return ERR_OK;
}

/* "Z", "+01:00", "-0330" at the front of s. */
static bool zone_take(struct slice *s, int64_t *ret_s)
{
	size_t colon;
	uint32_t h, m;

	if (s->n && s->p[0] == 'Z') {
		*s = slice_from(*s, 1);
		*ret_s = 0;
		return true;
	}
	if (s->n < 6 || (s->p[0] != '+' && s->p[0] != '-'))
		return false;
	colon = s->p[3] == ':' ? 1 : 0;
	h = two_digits(s->p + 1);
	m = two_digits(s->p + 3 + colon);
	if (h > 23 || m > 59)
		return false;
	*ret_s = (s->p[0] == '-' ? -1 : 1) * ((int64_t)h * 3600 + m * 60);
	*s = slice_from(*s, 5 + colon);
	return true;
}

/* "2026-11-21" */
static bool date_take(const char *p, int64_t *ret_midnight)
{
	uint32_t century = two_digits(p), years = two_digits(p + 2);
	struct civil c = { (int64_t)century * 100 + years, two_digits(p + 5), two_digits(p + 8) };

	if (century > 99 || years > 99 || p[4] != '-' || p[7] != '-' || !is_day(&c))
		return false;
	*ret_midnight = days_of(c.year, c.month, c.day) * DAY_S;
	return true;
}

static enum err rfc3339_take(struct slice *s, struct maillog_clock *k, uint64_t *ret)
{
	struct slice rest = slice_from(*s, RFC3339_N);
	int64_t zone, clock_s, midnight = k->midnight;

	if (!is_same_day(k, s, DATE_RFC3339_N)) {
		if (!date_take(s->p, &midnight))
			return ERR_SYNTAX;
		day_keep(k, s, DATE_RFC3339_N, midnight);
	}
	if ((s->p[10] != 'T' && s->p[10] != ' ') || !clock_take(s->p + 11, &clock_s))
		return ERR_SYNTAX;
	if (rest.n && rest.p[0] == '.') {
		size_t i = 1;

		while (i < rest.n && rest.p[i] >= '0' && rest.p[i] <= '9')
			i++;
		rest = slice_from(rest, i);
	}
	if (!zone_take(&rest, &zone) || rest.n == 0 || rest.p[0] != ' ')
		return ERR_SYNTAX;
	if (midnight + clock_s < zone)
		return ERR_SYNTAX;
	*ret = (uint64_t)(midnight + clock_s - zone);
	*s = slice_from(rest, 1);
	return ERR_OK;
}

enum err maillog_time_take_next(struct slice *s, struct maillog_clock *c, uint64_t *ret)
{
	if (s->n > RFC3339_N && s->p[0] >= '0' && s->p[0] <= '9')
		return rfc3339_take(s, c, ret);
	if (s->n > TRADITIONAL_N && s->p[TRADITIONAL_N] == ' ')
		return traditional_take(s, c, ret);
	return ERR_SYNTAX;
}

enum err maillog_time_take(struct slice *s, uint64_t now, int32_t utc_offset_s, uint64_t *ret)
{
	struct maillog_clock c = { .now = now, .utc_offset_s = utc_offset_s };

	return maillog_time_take_next(s, &c, ret);
}
