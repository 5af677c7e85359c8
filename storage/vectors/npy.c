#include "storage/vectors/npy.h"

#include <stdbool.h>
#include <string.h>

/* The head's dictionary as text: "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }". */
struct text {
	const char *at, *end;
};

static enum code bad(struct error *e, const char *what)
{
	error_set(e, INVALID_ARGUMENT, "BAD_NPY",
		"The .npy data cannot be used: %s. Save a two-dimensional C-order array of float32 "
		"or "
		"float16.",
		what);
	return error_field(e, "data");
}

static void skip_blanks(struct text *t)
{
	while (t->at < t->end && (*t->at == ' ' || *t->at == '\t' || *t->at == '\n'))
		t->at++;
}

static bool take(struct text *t, const char *word)
{
	size_t n = strlen(word);

	skip_blanks(t);
	if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n))
		return false;
	t->at += n;
	return true;
}

static bool take_number(struct text *t, uint64_t *out)
{
	uint64_t value = 0;

	skip_blanks(t);
	const char *first = t->at;
	for (; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++)
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*t->at - '0'), &value))
			return false;
	*out = value;
	return t->at > first;
}

/* 'x' or "x": takes what stands between the quotes, at most `size` - 1 bytes. */
static bool take_string(struct text *t, char *out, size_t size)
{
	skip_blanks(t);
	if (t->at == t->end || (*t->at != '\'' && *t->at != '"'))
		return false;
	const char *first = t->at + 1, *last = memchr(first, *t->at, (size_t)(t->end - first));
	if (!last || (size_t)(last - first) >= size)
		return false;
	memcpy(out, first, (size_t)(last - first));
	out[last - first] = 0;
	t->at = last + 1;
	return true;
}

enum { SEEN_DESCR = 1, SEEN_ORDER = 2, SEEN_SHAPE = 4, SEEN_ALL = 7 };

static enum code take_descr(struct text *t, struct npy *out, struct error *e)
{
	char descr[8];

	if (!take_string(t, descr, sizeof descr))
		return bad(e, "its 'descr' is not a plain type");
	if (!strcmp(descr, "<f4"))
		out->dtype = PB__DTYPE__DTYPE_F32;
	else if (!strcmp(descr, "<f2"))
		out->dtype = PB__DTYPE__DTYPE_F16;
	else
		return bad(e, "its type is neither '<f4' nor '<f2'");
	return OK;
}

static enum code take_shape(struct text *t, struct npy *out, struct error *e)
{
	if (!take(t, "(") || !take_number(t, &out->rows) || !take(t, ",") ||
		!take_number(t, &out->columns))
		return bad(e, "its shape does not have two axes");
	take(t, ",");
	return take(t, ")") ? OK : bad(e, "its shape does not have two axes");
}

static enum code take_entry(struct text *t, struct npy *out, unsigned *seen, struct error *e)
{
	char key[16];

	if (!take_string(t, key, sizeof key) || !take(t, ":"))
		return bad(e, "its head is not a dictionary");
	if (!strcmp(key, "descr")) {
		*seen |= SEEN_DESCR;
		return take_descr(t, out, e);
	}
	if (!strcmp(key, "shape")) {
		*seen |= SEEN_SHAPE;
		return take_shape(t, out, e);
	}
	if (strcmp(key, "fortran_order"))
		return bad(e, "its head has an unknown key");
	*seen |= SEEN_ORDER;
	return take(t, "False") ? OK : bad(e, "it is in Fortran order");
}

static enum code parse_head(struct text *t, struct npy *out, struct error *e)
{
	unsigned seen = 0;

	if (!take(t, "{"))
		return bad(e, "its head is not a dictionary");
	while (!take(t, "}")) {
		if (take_entry(t, out, &seen, e))
			return e->code;
		if (take(t, ","))
			continue;
		if (!take(t, "}"))
			return bad(e, "its head is not a dictionary");
		break;
	}
	skip_blanks(t);
	if (t->at != t->end || seen != SEEN_ALL)
		return bad(e, "its head is incomplete");
	return OK;
}

/* Magic, version and the length of the head: where the head starts, or 0. */
static size_t head_start(const unsigned char *at, size_t n, size_t *length)
{
	if (n < 10 || memcmp(at, "\x93NUMPY", 6) || at[7] != 0)
		return 0;
	if (at[6] == 1) {
		*length = at[8] | (size_t)at[9] << 8;
		return 10;
	}
	if (at[6] != 2 || n < 12)
		return 0;
	*length = at[8] | (size_t)at[9] << 8 | (size_t)at[10] << 16 | (size_t)at[11] << 24;
	return 12;
}

enum code npy_parse(const void *bytes, size_t n, struct npy *out, struct error *e)
{
	const unsigned char *at = bytes;
	struct npy npy = {0};
	size_t length = 0, start = head_start(at, n, &length), values, want;

	if (!start || length > n - start)
		return bad(e, "it does not begin as a .npy file of version 1 or 2 does");
	struct text t = {(const char *)at + start, (const char *)at + start + length};
	if (parse_head(&t, &npy, e))
		return e->code;
	npy.data = at + start + length;
	npy.data_bytes = n - start - length;
	if (__builtin_mul_overflow(npy.rows, npy.columns, &values) ||
		__builtin_mul_overflow(
			values, npy.dtype == PB__DTYPE__DTYPE_F16 ? 2u : 4u, &want) ||
		want != npy.data_bytes)
		return bad(e, "its length is not what its shape says");
	*out = npy;
	return OK;
}
