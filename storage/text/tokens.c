#include "storage/text/tokens.h"

#include <string.h>

#include <libstemmer.h>
#include <utf8proc.h>

#include "proto/fault.h"

/* libstemmer answers NULL for an unknown name and for lack of memory alike. */
static bool is_known(const char *stemmer)
{
	for (const char **name = sb_stemmer_list(); *name; name++)
		if (!strcmp(*name, stemmer))
			return true;
	return false;
}

enum code tokens_open(struct tokens *t, const char *stemmer, struct error *e)
{
	struct sb_stemmer *made = NULL;

	if (stemmer) {
		if (!is_known(stemmer)) {
			error_set(e, INVALID_ARGUMENT, "UNKNOWN_STEMMER",
				"There is no stemmer \"%s\"; name a language as Snowball does: "
				"english.",
				stemmer);
			return error_field(e, "stemmer");
		}
		made = FAULT() ? NULL : sb_stemmer_new(stemmer, "UTF_8");
		if (!made)
			return error_memory(e);
	}
	t->stemmer = made;
	t->failed = false;
	tokens_start(t, NULL);
	return OK;
}

void tokens_close(struct tokens *t)
{
	if (t->stemmer)
		sb_stemmer_delete(t->stemmer);
	t->stemmer = NULL;
}

void tokens_start(struct tokens *t, const char *text)
{
	fold_init(&t->fold, text);
	t->ahead = FOLD_END;
}

static bool in_token(int32_t c)
{
	if (c < 0x80)
		return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
	if (c >= FOLD_INVALID)
		return false;
	utf8proc_category_t category = utf8proc_category(c);
	/* letters, marks and numbers are neighbours there */
	return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;
}

static unsigned encoded_length(int32_t c)
{
	return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

/* Gathers the next run's code points; 0 at the end of the text. Composing later never lengthens
 * them, so TOKEN_BYTES here is enough there. */
static unsigned gather(struct tokens *t, bool *plain)
{
	unsigned n = 0, bytes = 0;
	int32_t c = t->ahead != FOLD_END ? t->ahead : fold_next(&t->fold);

	t->ahead = FOLD_END;
	while (c != FOLD_END && !in_token(c))
		c = fold_next(&t->fold);
	*plain = true;
	for (; c != FOLD_END && in_token(c); c = fold_next(&t->fold)) {
		bytes += encoded_length(c);
		if (bytes > TOKEN_BYTES) {
			t->ahead = c;
			break;
		}
		*plain = *plain && c < 0x80;
		t->points[n++] = c;
	}
	return n;
}

static size_t encode(struct tokens *t, unsigned n, bool plain)
{
	utf8proc_ssize_t points = n;
	size_t length = 0;

	if (plain) {
		for (unsigned i = 0; i < n; i++)
			t->bytes[i] = (char)t->points[i];
		return n;
	}
	points = utf8proc_normalize_utf32(t->points, points, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
	for (utf8proc_ssize_t i = 0; i < points; i++)
		length += (size_t)utf8proc_encode_char(
			t->points[i], (utf8proc_uint8_t *)t->bytes + length);
	return length;
}

const char *tokens_next(struct tokens *t, size_t *length)
{
	bool plain;
	unsigned n = gather(t, &plain);

	if (!n || t->failed)
		return NULL;
	*length = encode(t, n, plain);
	if (!t->stemmer)
		return t->bytes;
	const sb_symbol *stem =
		FAULT() ? NULL : sb_stemmer_stem(t->stemmer, (sb_symbol *)t->bytes, (int)*length);
	if (!stem) {
		t->failed = true;
		return NULL;
	}
	if (!sb_stemmer_length(t->stemmer))
		return t->bytes;
	*length = (size_t)sb_stemmer_length(t->stemmer);
	return (const char *)stem;
}
