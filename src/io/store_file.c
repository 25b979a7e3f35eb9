/*
 * store_file: LMDB's format 1 as it lies on disk: pages of `size` bytes, the
 * first two are meta pages, the newer of which holds the roots of two trees
 * (free pages, data). All numbers are in host order.
 * SPDX-License-Identifier: ISC
 */
#include "io/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define META_MAGIC 0xBEEFC0DEu
#define META_FORMAT 1u
#define NO_PAGE UINT64_MAX
#define DEPTH_MAX 32
#define KEY_MAX 511u
#define PAGE_MIN 512u
#define PAGE_MAX 65536u

enum { PAGE_BRANCH = 0x01, PAGE_LEAF = 0x02, PAGE_OVERFLOW = 0x04, PAGE_META = 0x08 };
#define PAGE_KIND 0x6fu /* with those that only a tree with duplicate keys has: ours has none */
enum { NODE_BIG = 0x01 };

struct page_head {
	uint64_t number;
	uint16_t pad, flags;
	union {
		struct {
			uint16_t lower, upper;
		};
		uint32_t pages; /* of an overflow run */
	};
};
#define PAGE_HEAD 16u

struct tree {
	uint32_t pad; /* of the first tree: the page size */
	uint16_t flags, depth;
	uint64_t branches, leaves, overflows, entries, root;
};

struct meta {
	uint32_t magic, format;
	uint64_t address, map_size;
	struct tree tree[2];
	uint64_t last_page, txn;
};

struct node_head { /* then the key, then the value or, when big, the number of its first page */
	uint16_t low, high, flags, key_size;
};
#define NODE_HEAD 8u

struct file {
	const char *path;
	int fd;
	const uint8_t *map; /* only when pages are checked */
	uint64_t bytes;
	uint64_t pages; /* whole ones that are there, up to meta.last_page */
	struct meta meta;
	uint8_t *seen;       /* a bit a page */
	unsigned branch_min; /* keys of a branch page */
	char *text;
	size_t text_size;
};

static enum err damaged(const struct file *f, const char *what, uint64_t page)
{
	(void)snprintf(f->text, f->text_size,
		"%s: damaged (%s, page %" PRIu64 "): restore a backup, or move the file away to start empty", f->path,
		what, page);
	return ERR_SYNTAX;
}

static enum err open_file(struct file *f)
{
	struct stat st;

	f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (f->fd < 0 && errno == ENOENT)
		return ERR_NOTFOUND;
	if (f->fd < 0 || fstat(f->fd, &st) != 0) {
		(void)snprintf(f->text, f->text_size, "%s: %s", f->path, strerror(errno));
		return ERR_IO;
	}
	if (!S_ISREG(st.st_mode)) {
		(void)snprintf(f->text, f->text_size, "%s: not a regular file", f->path);
		return ERR_SYNTAX;
	}
	f->bytes = (uint64_t)st.st_size;
	return f->bytes ? ERR_OK : ERR_NOTFOUND;
}

static enum err read_meta(const struct file *f, uint64_t at, struct meta *ret)
{
	uint8_t bytes[PAGE_HEAD + sizeof *ret];
	struct page_head head;
	struct meta m;

	if (pread(f->fd, bytes, sizeof bytes, (off_t)at) != (ssize_t)sizeof bytes)
		return damaged(f, "cut short", at ? 1 : 0);
	memcpy(&head, bytes, sizeof head);
	memcpy(&m, bytes + PAGE_HEAD, sizeof m);
	if (m.magic != META_MAGIC || !(head.flags & PAGE_META)) {
		(void)snprintf(f->text, f->text_size, "%s: not a store of limetwig, or damaged at its start", f->path);
		return ERR_SYNTAX;
	}
	if (m.format != META_FORMAT) {
		(void)snprintf(
			f->text, f->text_size, "%s: written by another version of LMDB (format %u)", f->path, m.format);
		return ERR_SYNTAX;
	}
	*ret = m;
	return ERR_OK;
}

/* No damage yet: LMDB counts a page that was taken and freed in one transaction, but never writes it. */
static bool is_short(const struct file *f)
{
	return f->meta.last_page >= f->pages;
}

static enum err check_meta(struct file *f)
{
	struct meta other;
	enum err e = read_meta(f, 0, &f->meta);
	uint32_t page = f->meta.tree[0].pad;
	unsigned newer;

	if (e != ERR_OK)
		return e;
	if (page < PAGE_MIN || page > PAGE_MAX || (page & (page - 1)))
		return damaged(f, "page size", 0);
	e = read_meta(f, page, &other);
	if (e != ERR_OK)
		return e;
	if (other.tree[0].pad != page)
		return damaged(f, "page size", 1);
	newer = other.txn > f->meta.txn;
	if (newer)
		f->meta = other;
	if ((f->meta.txn & 1) != newer) /* they take turns, and a reader goes by the number */
		return damaged(f, "turn of the meta pages", newer);
	if (f->meta.tree[1].flags)
		return damaged(f, "kind of tree", newer);
	if (f->meta.map_size / page <= f->meta.last_page) /* each commit writes the size of the map that it had */
		return damaged(f, "last page", newer);
	f->pages = f->bytes / page;
	if (!is_short(f))
		f->pages = f->meta.last_page + 1;
	for (size_t i = 0; i < 2; i++)
		if (f->meta.tree[i].root != NO_PAGE &&
			(f->meta.tree[i].root < 2 || f->meta.tree[i].root > f->meta.last_page))
			return damaged(f, "root", f->meta.tree[i].root);
	return ERR_OK;
}

static const uint8_t *page_at(const struct file *f, uint64_t number)
{
	return f->map + number * f->meta.tree[0].pad;
}

/* Marks pages first .. first+n-1; each may be reached once. */
static enum err claim(struct file *f, uint64_t first, uint64_t n)
{
	if (first < 2 || n == 0 || first > f->meta.last_page || n > f->meta.last_page - first + 1)
		return damaged(f, "page number", first);
	if (first >= f->pages || n > f->pages - first)
		return damaged(f, "the file is cut short", first);
	for (uint64_t i = first; i < first + n; i++) {
		if (f->seen[i / 8] & (1u << (i % 8)))
			return damaged(f, "page used twice", i);
		f->seen[i / 8] |= (uint8_t)(1u << (i % 8));
	}
	return ERR_OK;
}

static enum err check_overflow(struct file *f, uint64_t number, uint64_t value_size)
{
	uint32_t page = f->meta.tree[0].pad;
	uint64_t n = (PAGE_HEAD - 1 + value_size) / page + 1;
	struct page_head head;
	enum err e = claim(f, number, n);

	if (e != ERR_OK)
		return e;
	memcpy(&head, page_at(f, number), sizeof head);
	if (head.number != number || !(head.flags & PAGE_OVERFLOW) || head.pages != n)
		return damaged(f, "overflow page", number);
	return ERR_OK;
}

/* A leaf's node at p with `room` bytes up to the end of its page. */
static enum err check_leaf_node(struct file *f, const uint8_t *p, size_t room, uint64_t number)
{
	struct node_head h;
	uint64_t value_size, first;

	memcpy(&h, p, sizeof h);
	value_size = h.low | (uint64_t)h.high << 16;
	if (h.key_size > KEY_MAX || NODE_HEAD + (size_t)h.key_size > room)
		return damaged(f, "key", number);
	room -= NODE_HEAD + (size_t)h.key_size;
	if (h.flags == 0)
		return value_size <= room ? ERR_OK : damaged(f, "value", number);
	if (h.flags != NODE_BIG || room < sizeof first)
		return damaged(f, "node", number);
	memcpy(&first, p + NODE_HEAD + h.key_size, sizeof first);
	return check_overflow(f, first, value_size);
}

static enum err check_page(struct file *f, uint64_t number, unsigned depth_left);

static enum err check_branch_node(struct file *f, const uint8_t *p, size_t room, uint64_t number, unsigned depth_left)
{
	struct node_head h;

	memcpy(&h, p, sizeof h);
	if (h.key_size > KEY_MAX || NODE_HEAD + (size_t)h.key_size > room)
		return damaged(f, "key", number);
	return check_page(f, h.low | (uint64_t)h.high << 16 | (uint64_t)h.flags << 32, depth_left - 1);
}

/* One page and all below it; a leaf has depth_left 1. */
static enum err check_page(struct file *f, uint64_t number, unsigned depth_left)
{
	uint32_t size = f->meta.tree[0].pad;
	const uint8_t *page;
	struct page_head head;
	enum err e = claim(f, number, 1);

	if (e != ERR_OK)
		return e;
	page = page_at(f, number);
	memcpy(&head, page, sizeof head);
	if (head.number != number || (head.flags & PAGE_KIND) != (depth_left > 1 ? PAGE_BRANCH : PAGE_LEAF))
		return damaged(f, "page head", number);
	if (head.lower < PAGE_HEAD || head.lower > head.upper || head.upper > size || head.lower % 2)
		return damaged(f, "page bounds", number);
	if (depth_left > 1 && (head.lower - PAGE_HEAD) / 2u < f->branch_min)
		return damaged(f, "branch page", number);
	for (size_t at = PAGE_HEAD; at < head.lower && e == ERR_OK; at += 2) {
		uint16_t offset;

		memcpy(&offset, page + at, sizeof offset);
		if (offset < head.upper || offset > size - NODE_HEAD || offset % 2)
			return damaged(f, "node place", number);
		e = depth_left > 1 ? check_branch_node(f, page + offset, size - offset, number, depth_left)
				   : check_leaf_node(f, page + offset, size - offset, number);
	}
	return e;
}

static enum err check_trees(struct file *f)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < 2 && e == ERR_OK; i++) {
		const struct tree *t = &f->meta.tree[i];

		if (t->root == NO_PAGE)
			continue;
		if (t->depth == 0 || t->depth > DEPTH_MAX)
			return damaged(f, "depth", t->root);
		/* LMDB ends the process at one of fewer; in the list of free pages one may stand alone for a while */
		f->branch_min = i == 0 ? 1 : 2;
		e = check_page(f, t->root, t->depth);
	}
	return e;
}

static enum err check_all_pages(struct file *f)
{
	void *map = mmap(NULL, f->bytes, PROT_READ, MAP_PRIVATE, f->fd, 0);
	enum err e;

	f->seen = calloc(1, f->pages / 8 + 1);
	f->map = map;
	e = map == MAP_FAILED || !f->seen ? ERR_NOMEM : check_trees(f);
	if (e == ERR_NOMEM)
		(void)snprintf(f->text, f->text_size, "%s: out of memory", f->path);
	if (map != MAP_FAILED)
		munmap(map, f->bytes);
	free(f->seen);
	return e;
}

enum look { LOOK_QUICK, LOOK_IF_SHORT, LOOK_AT_ALL };

static enum err check(const char *path, enum look look, char *text, size_t text_size)
{
	struct file f = { .path = path, .fd = -1, .text = text, .text_size = text_size };
	enum err e = open_file(&f);

	if (e == ERR_OK)
		e = check_meta(&f);
	if (e == ERR_OK && (look == LOOK_AT_ALL || (look == LOOK_IF_SHORT && is_short(&f))))
		e = check_all_pages(&f);
	if (f.fd >= 0)
		close(f.fd);
	return e;
}

enum err store_file_check(const char *path, char *text, size_t text_size)
{
	return check(path, LOOK_QUICK, text, text_size);
}

enum err store_file_check_start(const char *path, char *text, size_t text_size)
{
	return check(path, LOOK_IF_SHORT, text, text_size);
}

enum err store_file_check_pages(const char *path, char *text, size_t text_size)
{
	return check(path, LOOK_AT_ALL, text, text_size);
}
