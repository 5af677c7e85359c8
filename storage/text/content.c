#include "storage/text/content.h"

#define XXH_STATIC_LINKING_ONLY /* a state on the stack */
#include <xxhash.h>
#include <utf8proc.h>

#include "storage/text/fold.h"

enum { PIECE = 512 };

struct hasher {
	XXH3_state_t state;
	size_t n;     /* of piece */
	bool any;     /* something but white space was seen */
	bool pending; /* white space was seen since */
	unsigned char piece[PIECE];
};

static bool is_space(int32_t c)
{
	if (c < 0x80)
		return c == ' ' || (c >= '\t' && c <= '\r');
	if (c >= FOLD_INVALID)
		return false;
	utf8proc_category_t category = utf8proc_category(c);
	return c == 0x85 || (category >= UTF8PROC_CATEGORY_ZS && category <= UTF8PROC_CATEGORY_ZP);
}

static void flush(struct hasher *h)
{
	XXH3_128bits_update(&h->state, h->piece, h->n);
	h->n = 0;
}

static void put(struct hasher *h, int32_t c)
{
	if (h->n + 5 > PIECE)
		flush(h);
	if (h->pending && h->any)
		h->piece[h->n++] = ' ';
	h->pending = false;
	h->any = true;
	if (c >= FOLD_INVALID)
		h->piece[h->n++] = (unsigned char)(c - FOLD_INVALID);
	else
		h->n += (size_t)utf8proc_encode_char(c, h->piece + h->n);
}

static void put_text(struct hasher *h, const char *text)
{
	struct fold f;

	fold_init(&f, text);
	for (int32_t c; (c = fold_next(&f)) != FOLD_END;) {
		if (is_space(c))
			h->pending = true;
		else
			put(h, c);
	}
}

static struct hash128 hash_of(const char *title, const char *text)
{
	struct hasher h;

	h.n = 0;
	h.any = h.pending = false;
	XXH3_128bits_reset(&h.state);
	put_text(&h, title);
	h.pending = true;
	put_text(&h, text);
	if (!h.any)
		return (struct hash128){0, 0};
	flush(&h);
	XXH128_hash_t digest = XXH3_128bits_digest(&h.state);
	return (struct hash128){digest.low64, digest.high64};
}

struct content content_of(const char *title, const char *text)
{
	struct hash128 alone = hash_of(NULL, text);

	return (struct content){title && *title ? hash_of(title, text) : alone, alone};
}

bool hash128_equal(struct hash128 a, struct hash128 b)
{
	return (a.low | a.high) && a.low == b.low && a.high == b.high;
}
