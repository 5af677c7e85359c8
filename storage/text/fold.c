#include "storage/text/fold.h"

#include <utf8proc.h>

/* The longest decomposition of one code point, U+FDFA, has 18. */
enum { LONGEST = 18 };

static unsigned char combining_class(int32_t c)
{
	return (unsigned char)utf8proc_get_property(c)->combining_class;
}

void fold_init(struct fold *f, const char *text)
{
	f->at = (const unsigned char *)(text ? text : "");
	f->next = f->n = 0;
}

/* Decomposes the code point at hand to the end of the queue. Returns its length in bytes, 0 when
 * it is no UTF-8. */
static size_t decompose(struct fold *f, unsigned *appended)
{
	utf8proc_int32_t c;
	utf8proc_ssize_t length = utf8proc_iterate(f->at, -1, &c), n;
	int boundary = 0;

	if (length <= 0)
		return 0;
	n = utf8proc_decompose_char(c, f->queue + f->n, FOLD_RUN - f->n,
		UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE | UTF8PROC_DECOMPOSE,
		&boundary);
	*appended = n > 0 ? (unsigned)n : 0;
	return (size_t)length;
}

/* Takes the marks that follow, for they may have to move before those already queued. */
static void take_marks(struct fold *f)
{
	unsigned appended = 0;

	while (*f->at >= 0x80 && f->n + LONGEST <= FOLD_RUN) {
		size_t length = decompose(f, &appended);
		if (!length || (appended && !combining_class(f->queue[f->n])))
			return;
		f->at += length;
		f->n += appended;
	}
}

/* A stable sort by combining class between starters, which are class 0 and never move. */
static void order_marks(struct fold *f)
{
	for (unsigned i = 1; i < f->n; i++) {
		int32_t mark = f->queue[i];
		unsigned char class = combining_class(mark);
		unsigned to = i;
		for (; class && to && combining_class(f->queue[to - 1]) > class; to--)
			f->queue[to] = f->queue[to - 1];
		f->queue[to] = mark;
	}
}

int32_t fold_next(struct fold *f)
{
	for (;;) {
		if (f->next < f->n)
			return f->queue[f->next++];
		unsigned char c = *f->at;
		if (!c)
			return FOLD_END;
		if (c < 0x80) {
			f->at++;
			return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
		}
		f->next = f->n = 0;
		size_t length = decompose(f, &f->n);
		if (!length) {
			f->at++;
			return FOLD_INVALID + c;
		}
		f->at += length;
		take_marks(f);
		order_marks(f);
	}
}
