/*
 * main_cf: a logical line is found by walking physical lines; each edit is one
 * insertion or one cut in the text, made on a copy.
 * SPDX-License-Identifier: ISC
 */
#include "core/main_cf.h"

#define FOLD "    "
#define BLOCK_BEGIN "\n# limetwig begin: made by \"limetwig setup postfix\", undone by its --revert\n"
#define BLOCK_END "# limetwig end"

bool main_cf_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

static bool is_separator(char c)
{
	return main_cf_is_space(c) || c == ',';
}

size_t main_cf_line_end(struct slice text, size_t pos)
{
	struct slice rest = slice_from(text, pos);
	size_t n = slice_find(rest, '\n');

	return n < rest.n ? pos + n + 1 : text.n;
}

bool main_cf_is_comment(struct slice line)
{
	size_t i = 0;

	while (i < line.n && main_cf_is_space(line.p[i]))
		i++;
	return i == line.n || line.p[i] == '#';
}

static struct slice line_at(struct slice text, size_t pos)
{
	return (struct slice){ text.p + pos, main_cf_line_end(text, pos) - pos };
}

bool main_cf_next(struct slice text, size_t *pos, size_t *ret_begin, size_t *ret_end)
{
	size_t p = *pos, end;

	while (p < text.n && main_cf_is_comment(line_at(text, p)))
		p = main_cf_line_end(text, p);
	if (p >= text.n) {
		*pos = text.n;
		return false;
	}
	*ret_begin = p;
	end = p = main_cf_line_end(text, p);
	while (p < text.n) {
		struct slice line = line_at(text, p);

		if (!main_cf_is_comment(line)) {
			if (!main_cf_is_space(line.p[0]))
				break;
			end = p + line.n;
		}
		p += line.n;
	}
	*ret_end = end;
	*pos = end;
	return true;
}

/* One parameter line, as offsets into the text. */
struct entry {
	size_t begin, end; /* logical line with its last LF */
	size_t first_end;  /* end of its first physical line */
	size_t value;      /* first byte behind "=" */
	size_t text;       /* first byte of the value proper, comments skipped; end when empty */
};

static struct slice entry_name(struct slice text, size_t begin, size_t line_end, size_t *ret_value)
{
	struct slice line = { text.p + begin, line_end - begin };
	size_t eq = slice_find(line, '=');

	*ret_value = eq < line.n ? begin + eq + 1 : line_end;
	return eq < line.n ? slice_trim(slice_head(line, eq)) : (struct slice){ line.p, 0 };
}

/* First byte of the value; e->end when there is none. */
static size_t value_start(struct slice text, const struct entry *e)
{
	for (size_t p = e->value; p < e->end;) {
		size_t line_end = main_cf_line_end(text, p);

		if (p != e->value && main_cf_is_comment((struct slice){ text.p + p, line_end - p })) {
			p = line_end;
			continue;
		}
		for (; p < line_end; p++)
			if (!main_cf_is_space(text.p[p]))
				return p;
	}
	return e->end;
}

/* The next line of this parameter from *pos on. */
static bool next_entry(struct slice text, const char *name, size_t *pos, struct entry *ret)
{
	struct entry e;

	while (main_cf_next(text, pos, &e.begin, &e.end)) {
		e.first_end = main_cf_line_end(text, e.begin);
		if (!slice_eq(entry_name(text, e.begin, e.first_end, &e.value), slice_str(name)))
			continue;
		e.text = value_start(text, &e);
		*ret = e;
		return true;
	}
	return false;
}

static bool last_entry(struct slice text, const char *name, struct entry *ret)
{
	bool is_there = false;
	size_t pos = 0;

	while (next_entry(text, name, &pos, ret))
		is_there = true;
	return is_there;
}

bool main_cf_get(struct slice text, const char *name, struct buf *to)
{
	struct entry e;
	bool is_first = true;

	buf_reset(to);
	if (!last_entry(text, name, &e))
		return false;
	for (size_t p = e.value; p < e.end;) {
		size_t line_end = main_cf_line_end(text, p);
		struct slice line = { text.p + p, line_end - p };

		if (is_first || !main_cf_is_comment(line)) {
			line = slice_trim(line);
			if ((to->n && line.n && buf_add_char(to, ' ') != ERR_OK) || buf_add(to, line) != ERR_OK)
				return true; /* cut at the caller's cap */
		}
		is_first = false;
		p = line_end;
	}
	return true;
}

/*
 * Position of item as an element of text[from, to), or to. Braces nest; comment
 * lines between folded lines are not looked into.
 */
static size_t find_item(struct slice text, size_t from, size_t to, struct slice item, bool *ret_first)
{
	bool is_first = true, is_line_start = false;
	size_t depth = 0;

	for (size_t p = from; p < to;) {
		size_t line_end = main_cf_line_end(text, p);

		if (is_line_start && main_cf_is_comment((struct slice){ text.p + p, line_end - p })) {
			p = line_end;
			continue;
		}
		is_line_start = text.p[p] == '\n';
		if (is_separator(text.p[p])) {
			p++;
			continue;
		}
		if (depth == 0 && slice_starts((struct slice){ text.p + p, to - p }, item) &&
			(p + item.n == to || is_separator(text.p[p + item.n]))) {
			*ret_first = is_first;
			return p;
		}
		is_first = false;
		while (p < to && !is_separator(text.p[p])) {
			depth += text.p[p] == '{';
			depth -= text.p[p] == '}' && depth > 0;
			p++;
		}
	}
	return to;
}

bool main_cf_has_item(struct slice value, const char *item, bool *ret_first)
{
	bool is_first = false;
	bool has = find_item(value, 0, value.n, slice_str(item), &is_first) < value.n;

	if (ret_first)
		*ret_first = has && is_first;
	return has;
}

enum err main_cf_replace(struct buf *b, size_t from, size_t to, struct slice with)
{
	enum err e = with.n > to - from ? buf_reserve(b, with.n - (to - from)) : ERR_OK;

	if (e != ERR_OK)
		return e;
	memmove(b->p + from + with.n, b->p + to, b->n - to);
	if (with.n)
		memcpy(b->p + from, with.p, with.n);
	b->n = b->n - (to - from) + with.n;
	return ERR_OK;
}

/* Insert the three parts at pos. */
static enum err insert3(struct buf *b, size_t pos, const char *x, const char *y, const char *z)
{
	enum err e = main_cf_replace(b, pos, pos, slice_str(z));

	if (e == ERR_OK)
		e = main_cf_replace(b, pos, pos, slice_str(y));
	return e == ERR_OK ? main_cf_replace(b, pos, pos, slice_str(x)) : e;
}

static enum err prepend(struct buf *b, const struct entry *e, const char *item)
{
	bool is_empty = e->text == e->end;

	/* a # at the start of a folded line would turn the value into a comment */
	if (!is_empty && e->text < e->first_end)
		return insert3(b, e->text, item, b->p[e->text] == '#' ? ", " : ",\n" FOLD, "");
	if (e->first_end > e->begin && b->p[e->first_end - 1] == '\n')
		return insert3(b, e->first_end, FOLD, item, is_empty ? "\n" : ",\n");
	return insert3(b, e->first_end, "\n" FOLD, item, "");
}

static enum err add_line(struct buf *block, const struct main_cf_edit *d)
{
	return buf_printf(block, "%s = %s%s%s\n", d->name, d->item, d->fallback[0] ? ", " : "", d->fallback);
}

/* The block ends without LF where the text did: that is how revert knows. */
enum err main_cf_add_block(struct buf *b, struct slice lines)
{
	bool has_lf = b->n == 0 || b->p[b->n - 1] == '\n';
	enum err e = has_lf ? ERR_OK : buf_add_char(b, '\n');

	if (e == ERR_OK)
		e = buf_add_str(b, BLOCK_BEGIN);
	if (e == ERR_OK)
		e = buf_add(b, lines);
	if (e == ERR_OK)
		e = buf_add_str(b, has_lf ? BLOCK_END "\n" : BLOCK_END);
	return e;
}

enum err main_cf_copy(struct slice text, struct buf *to)
{
	buf_reset(to);
	if (text.n && memchr(text.p, '\0', text.n))
		return ERR_SYNTAX;
	return buf_add(to, text);
}

enum err main_cf_apply(struct slice text, const struct main_cf_edit *edits, size_t n, struct buf *to)
{
	struct buf block;
	enum err e = main_cf_copy(text, to);

	buf_init(&block, MAIN_CF_MAX);
	for (size_t i = 0; i < n && e == ERR_OK; i++) {
		struct slice now = buf_slice(to);
		struct entry entry;
		bool is_first;

		if (!last_entry(now, edits[i].name, &entry))
			e = add_line(&block, &edits[i]);
		else if (edits[i].is_list &&
			 find_item(now, entry.value, entry.end, slice_str(edits[i].item), &is_first) == entry.end)
			e = prepend(to, &entry, edits[i].item);
	}
	if (e == ERR_OK && block.n)
		e = main_cf_add_block(to, buf_slice(&block));
	buf_done(&block);
	return e;
}

/* Drop the lines of [begin, end) that are not comments. */
enum err main_cf_drop_line(struct buf *b, size_t begin, size_t end)
{
	size_t p = begin;
	enum err r = ERR_OK;

	while (p < end && r == ERR_OK) {
		size_t line_end = main_cf_line_end(buf_slice(b), p);

		if (main_cf_is_comment((struct slice){ b->p + p, line_end - p })) {
			p = line_end;
			continue;
		}
		r = main_cf_replace(b, p, line_end, (struct slice){ "", 0 });
		end -= line_end - p;
	}
	return r;
}

/* Is this the very line that add_line makes? */
static bool is_our_line(struct slice text, const struct entry *e, const struct main_cf_edit *d)
{
	struct slice line = { text.p + e->begin, e->end - e->begin };
	struct buf want;
	bool is_ours;

	buf_init(&want, MAIN_CF_MAX);
	is_ours = add_line(&want, d) == ERR_OK && (slice_eq(line, buf_slice(&want)));
	buf_done(&want);
	return is_ours;
}

/* Cut the item at p out of the entry, in the form that prepend gave it, or as found. */
static enum err cut_item(struct buf *b, const struct entry *e, size_t p, size_t n)
{
	struct slice all = buf_slice(b), none = { "", 0 };
	struct slice rest = slice_from(all, p + n);
	const size_t fold = sizeof FOLD - 1;
	size_t to = p + n;

	if (p < e->first_end) {
		if (slice_starts(rest, SLICE_LIT(",\n" FOLD)))
			return main_cf_replace(b, p, to + 2 + fold, none);
	} else if (slice_ends(slice_head(all, p), SLICE_LIT("\n" FOLD))) {
		if (slice_starts(rest, SLICE_LIT(",\n")) || slice_starts(rest, SLICE_LIT("\n")))
			return main_cf_replace(b, p - fold, to + 1 + (rest.p[0] == ','), none);
		if (rest.n == 0)
			return main_cf_replace(b, p - fold - 1, to, none);
	}
	while (to < e->end && (all.p[to] == ' ' || all.p[to] == '\t'))
		to++;
	if (to < e->end && all.p[to] == ',')
		to++;
	while (to < e->end && (all.p[to] == ' ' || all.p[to] == '\t'))
		to++;
	return main_cf_replace(b, p, to, none);
}

static enum err revert_one(struct buf *b, const struct main_cf_edit *d)
{
	enum err r = ERR_OK;
	struct entry e;
	size_t pos = 0;

	while (r == ERR_OK && next_entry(buf_slice(b), d->name, &pos, &e)) {
		bool is_first;
		size_t p;

		if (!d->is_list || is_our_line(buf_slice(b), &e, d)) {
			r = main_cf_drop_line(b, e.begin, e.end);
			pos = e.begin;
			continue;
		}
		p = find_item(buf_slice(b), e.value, e.end, slice_str(d->item), &is_first);
		if (p < e.end) {
			r = cut_item(b, &e, p, strlen(d->item));
			pos = e.begin;
		}
	}
	return r;
}

/* The frame goes when nothing of ours is left in it; lines of others in it stay. */
enum err main_cf_drop_block(struct buf *b)
{
	const struct slice begin = SLICE_LIT(BLOCK_BEGIN), end = SLICE_LIT(BLOCK_END), none = { "", 0 };

	for (size_t p = 0; p < b->n; p++) {
		struct slice all = buf_slice(b);
		size_t q = p + begin.n;
		bool has_lf;
		enum err e;

		if (!slice_starts(slice_from(all, p), begin))
			continue;
		while (q < all.n && !slice_starts(slice_from(all, q), end))
			q = main_cf_line_end(all, q);
		if (q >= all.n)
			return ERR_OK;
		if (memmem(all.p + p + begin.n, q - p - begin.n, "limetwig", 8))
			return ERR_OK;
		has_lf = q + end.n < all.n && all.p[q + end.n] == '\n';
		e = main_cf_replace(b, q, q + end.n + has_lf, none);
		if (e == ERR_OK)
			e = main_cf_replace(b, p, p + begin.n, none);
		if (e == ERR_OK && !has_lf && p > 0 && p == b->n && b->p[p - 1] == '\n')
			b->n--;
		return e;
	}
	return ERR_OK;
}

enum err main_cf_revert(struct slice text, const struct main_cf_edit *edits, size_t n, struct buf *to)
{
	enum err e = main_cf_copy(text, to);

	for (size_t i = 0; i < n && e == ERR_OK; i++)
		e = revert_one(to, &edits[i]);
	return e == ERR_OK ? main_cf_drop_block(to) : e;
}
