/*
 * How an index stays a few parts, and what an update pays for that.
 *
 * Each upload brings a part. It takes in every part that is not GROWTH times as large as it has become by
 * then, and every one that is worn: of which a third is lost. So a part stays beside others that are at
 * most a GROWTHth of it, or were before it lost some: the number of parts grows with the logarithm of
 * that of documents, and a document is written anew some GROWTH times for each time that its part becomes
 * GROWTH times as large.
 *
 * That alone would bound what updates cost together, not what one does: once in a while a few documents
 * would make one part of everything, in the request that comes first after the upload. So an update has
 * an allowance: it writes at most `most` documents anew (65,536), or GROWTH times those that came if that
 * is more. It counts documents, though what takes time is their words: measured, .3 s if they have 50 each,
 * 2.6 s if they have 500. Three things follow.
 *
 *   - Parts stay apart that are too many for one allowance together. Of two such neighbours one has half
 *     of it or more. So beside the part that was built at once, and those of large uploads, there is one
 *     part for every 32,768 documents at worst: their number grows with that of documents, and so does
 *     what they cost a search; measured, 16 of a million documents make it 1.5 times as long as one, or
 *     1.9 times if its words are rare.
 *   - A worn part that is too large is written anew piece by piece, from its front: each update takes
 *     GROWTH - 1 times as many documents from there as it brings, and a few more, and puts them beside its
 *     own. In the worn part they are lost, as if they had been uploaded again; so whoever reads needs to
 *     know nothing of it, and no index keeps a thing that is half done for its successor. With the piece
 *     and what came, smaller parts become one as if all of that had come. One worn part is taken after the
 *     other, the most worn first, which stays that until it is gone. Until all are gone, a third as many
 *     documents come as lived in them, at most. Memory is given back when a part is gone: just before, an
 *     index has places for up to 2.4 times its documents, the most that was measured.
 *   - Codes may be outdated (bm25_codes.h) for longer, which costs a search more candidates, no document.
 *     New ones take a quarter of what writing anew takes; the most outdated part comes first, as long
 *     as the allowance lasts. A part that is too large for what those that came leave of one is written
 *     anew like a worn one.
 *
 * The alternative would have been to merge parts in the background, as a job does. It would win that back
 * for a while; and it would take twice the memory while it runs, the processor from requests, and care that
 * what is replaced meanwhile is lost in what it makes. A start of the daemon goes on with the parts as they
 * were kept (bm25_file.h).
 */
#include <stdlib.h>
#include <string.h>

#include "storage/text/bm25_parts.h"

enum {
	GROWTH = 4,
	LOST_SHARE = 3,
	RECODED = 4, /* new codes for so many documents cost as much as one that is written anew */
	A_FEW = 64   /* one in so many of an allowance goes to worn parts, however few came */
};

/* In documents that are written anew; what gets new codes is 1/RECODED of one. */
struct allowance {
	uint64_t most, left, came;
};

static bool is_worn(const struct part *p)
{
	return (uint64_t)p->n_lost * LOST_SHARE > p->segment->n;
}

static int largest_first(const void *a, const void *b)
{
	uint32_t x = part_living(a), y = part_living(b);

	return (x < y) - (x > y);
}

static double drift(const struct bm25 *b, const struct part *p)
{
	return fabs(p->codes->average / b->average - 1);
}

/* How much a part needs to be written anew, though it is too large for one update; 0: it does not. */
static double need(const struct bm25 *b, const struct part *p, const struct allowance *a)
{
	if (is_worn(p) && a->came + part_living(p) > a->most)
		return 1 + (double)p->n_lost;
	if (p->codes && a->came + p->segment->n / RECODED > a->most && drift(b, p) > CODES_DRIFT)
		return drift(b, p) / (1 + drift(b, p));
	return 0;
}

/* The part to take a piece from, of those that need it; NULL: none does. It is moved to the front. */
static struct part *neediest(struct bm25 *b, const struct allowance *a)
{
	size_t found = 0;
	double most = 0;

	for (size_t i = 0; i < b->n_parts; i++) {
		double needs = need(b, &b->parts[i], a);
		if (needs > most) {
			most = needs;
			found = i;
		}
	}
	if (!most)
		return NULL;
	struct part front = b->parts[found];
	b->parts[found] = b->parts[0];
	b->parts[0] = front;
	return b->parts;
}

/* The parts that are to be one stand behind those that stay. */
struct choice {
	struct part *parts;
	size_t stay;
	uint64_t together, most; /* documents to be one */
};

static bool take(struct choice *c, size_t i)
{
	struct part p = c->parts[i];

	if (c->together + part_living(&p) > c->most)
		return false;
	c->together += part_living(&p);
	memmove(&c->parts[i], &c->parts[i + 1], (--c->stay - i) * sizeof p);
	c->parts[c->stay] = p;
	return true;
}

/* Chooses among parts of which the newest is the last, and takes in a piece of another. */
static struct choice choose(struct part *parts, size_t n, uint64_t piece, uint64_t most)
{
	struct choice c = {parts, n - 1, part_living(&parts[n - 1]) + piece, most};

	qsort(parts, c.stay, sizeof *parts, largest_first);
	for (size_t i = c.stay; i-- > 0;)
		if (is_worn(&parts[i]))
			take(&c, i);
	for (size_t i = c.stay; i-- > 0;)
		if (part_living(&parts[i]) < c.together * GROWTH && take(&c, i))
			i = c.stay; /* what was too large may not be any more */
	return c;
}

/* Where the first so many living documents end. */
static uint32_t end_of(const struct part *p, uint64_t documents)
{
	const uint32_t n = p->segment->n;
	uint32_t at = part_next(p, 0, n);

	for (; at < n && documents; documents--)
		at = part_next(p, at + 1, n);
	return at;
}

static bool lose_front(struct part *p, uint32_t end, struct stop *stop)
{
	for (uint32_t at = part_next(p, 0, end); at < end; at = part_next(p, at + 1, end))
		if (!part_lose(p, at) || stop_after(stop, segment_row_bytes(p->segment, at)))
			return false;
	return true;
}

/* How many documents the front gives: enough that it is gone before long. */
static uint64_t piece_of(const struct part *front, const struct allowance *a)
{
	uint64_t piece = a->came * (GROWTH - 1) + a->most / A_FEW + 1;
	uint64_t room = a->most - a->came;

	piece = piece < room ? piece : room;
	return piece < part_living(front) ? piece : part_living(front);
}

/* Makes one of the parts from `from` on and of a piece of the front. */
static bool unite(
	struct bm25 *b, size_t from, struct part *front, uint64_t piece, struct stop *stop)
{
	uint32_t end = front ? end_of(front, piece) : 0;
	struct segment *merged = parts_merge(b->parts + from, b->n_parts - from, front, end, stop);

	if (!merged)
		return false;
	while (b->n_parts > from)
		part_free(&b->parts[--b->n_parts]);
	b->parts[b->n_parts++] = (struct part){.segment = merged};
	if (front && !lose_front(front, end, stop))
		return false;
	parts_drop_empty(b);
	return true;
}

static bool rearrange(struct bm25 *b, struct allowance *a, struct stop *stop)
{
	struct part *front = neediest(b, a);
	uint64_t piece = front ? piece_of(front, a) : 0;
	size_t apart = front != NULL;
	struct choice c = choose(b->parts + apart, b->n_parts - apart, piece, a->left);

	a->left -= c.together;
	size_t stay = apart + c.stay;
	return (b->n_parts - stay < 2 && !front) || unite(b, stay, front, piece, stop);
}

static bool weigh(const struct bm25 *b, struct part *p, struct stop *stop)
{
	bm25_codes_release(p->codes);
	p->codes = bm25_codes_new(p->segment, b->k1, b->b, b->average, stop);
	return p->codes;
}

/* Of those that the allowance is enough for; NULL when there is none. */
static struct part *most_outdated(const struct bm25 *b, const struct allowance *a)
{
	struct part *found = NULL;
	double most = CODES_DRIFT;

	for (size_t i = 0; i < b->n_parts; i++) {
		struct part *p = &b->parts[i];
		if (p->segment->n / RECODED <= a->left && drift(b, p) > most) {
			most = drift(b, p);
			found = p;
		}
	}
	return found;
}

static bool weigh_all(struct bm25 *b, struct allowance *a, struct stop *stop)
{
	for (size_t i = 0; i < b->n_parts; i++)
		if (!b->parts[i].codes && !weigh(b, &b->parts[i], stop))
			return false;
	for (struct part *p; (p = most_outdated(b, a)); a->left -= p->segment->n / RECODED)
		if (!weigh(b, p, stop))
			return false;
	return true;
}

bool parts_renew(struct bm25 *b, uint32_t came, uint32_t most, struct stop *stop)
{
	struct allowance a = {.most = (uint64_t)came * GROWTH, .came = came};

	a.most = a.most > most ? a.most : most;
	a.left = a.most;
	if ((came && !rearrange(b, &a, stop)) || !weigh_all(b, &a, stop))
		return false;
	qsort(b->parts, b->n_parts, sizeof *b->parts, largest_first);
	return true;
}
