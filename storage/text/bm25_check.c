/*
 * A checksum tells what was damaged, not what was never right. So nothing that is read from a file is an
 * index, a length or a factor before it was looked at here: rows one by one, from which follows how
 * many documents each term has; then its postings by chunks, within what the rows say. That a posting
 * names a document whose row has the term is not looked at: it would be found, and no more than that.
 */
#include "storage/text/bm25_check.h"

#include <stdlib.h>

#include "storage/text/array.h"

static bool starts(const size_t *start, size_t n, uint64_t end)
{
	for (size_t i = 0; i < n; i++)
		if (start[i] > start[i + 1])
			return false;
	return start[0] == 0 && start[n] == end;
}

/* As bm25_row_integer reads it, but not beyond the end. */
static bool integer(const unsigned char **at, const unsigned char *end, uint32_t *out)
{
	uint64_t value = 0;

	for (unsigned shift = 0; *at < end && shift < 35; shift += 7) {
		unsigned char byte = *(*at)++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		*out = (uint32_t)value;
		return value <= UINT32_MAX;
	}
	return false;
}

/* Terms rise, each occurs, and together they are as many tokens as the document has. */
static bool check_row(const struct segment *s, uint32_t place, uint32_t *frequency)
{
	const unsigned char *at = s->rows + s->row_start[place],
			    *end = s->rows + s->row_start[place + 1];
	uint64_t next = 0, tokens = 0; /* next: the lowest term that may come */
	uint32_t step, tf;

	while (at < end) {
		if (!integer(&at, end, &step) || !integer(&at, end, &tf) || !tf)
			return false;
		uint64_t term = next ? next - 1 + step : step;
		if (term < next || term >= s->terms.n)
			return false;
		frequency[term]++;
		next = term + 1;
		tokens += tf;
	}
	return tokens == s->length[place];
}

static bool check_rows(struct segment *s, const struct bm25_sizes *z, uint32_t documents,
	uint32_t *frequency, struct stop *stop)
{
	if (s->n && !starts(s->row_start, s->n, z->row_bytes))
		return false;
	for (uint32_t d = 0; d < s->n; d++) {
		if (s->document[d] >= documents || (d && s->document[d - 1] >= s->document[d]) ||
			!check_row(s, d, frequency) || stop_after(stop, segment_row_bytes(s, d)))
			return false;
		s->filled += s->length[d] > 0;
		s->n_tokens += s->length[d];
	}
	return true;
}

/* A chunk whose postings go up to `end`, counted as its own `first`. */
static bool check_chunk(const struct segment *s, uint32_t t, const struct chunk *c, size_t end)
{
	uint64_t first = (uint64_t)c->range * RANGE;
	const uint16_t *place = s->place + s->posting_start[t];
	const uint8_t *tf = s->tf + s->posting_start[t];

	if (c->first >= end)
		return false;
	for (size_t i = c->first; i < end; i++) {
		uint64_t at = first + place[i];
		if (at >= s->n || (i > c->first && place[i - 1] >= place[i]) || !tf[i])
			return false;
		if (tf[i] == MANY && segment_occurrences(s, t, (uint32_t)at) < MANY)
			return false;
	}
	return true;
}

static bool check_term(const struct segment *s, uint32_t t)
{
	const struct chunk *c = s->chunks + s->chunk_start[t],
			   *end = s->chunks + s->chunk_start[t + 1];
	size_t frequency = segment_frequency(s, t);

	if (!frequency || c == end)
		return !frequency && c == end;
	if (c->first)
		return false;
	for (; c < end; c++) {
		bool last = c + 1 == end;
		size_t stop = last ? frequency : c[1].first;
		if (stop > frequency || (!last && c->range >= c[1].range) ||
			!check_chunk(s, t, c, stop))
			return false;
	}
	return true;
}

static bool check_postings(struct segment *s, const struct bm25_sizes *z, struct stop *stop)
{
	if (s->posting_start[z->terms] != z->postings ||
		!starts(s->chunk_start, z->terms, z->chunks))
		return false;
	for (uint32_t t = 0; t < z->terms; t++)
		if (!check_term(s, t) || stop_after(stop, segment_frequency(s, t) + 1))
			return false;
	return true;
}

static bool is_share(float x)
{
	return x >= 0 && x <= 1;
}

/* Whatever their values are: within these, what a search makes of them is a number. */
static bool check_codes(struct bm25_codes *c, const struct segment *s, const struct bm25_sizes *z)
{
	if (!(z->average >= 1 && z->average <= UINT32_MAX))
		return false;
	for (uint32_t t = 0; t < z->terms; t++)
		if (!is_share(c->scale[t].base) || !is_share(c->scale[t].step))
			return false;
	return bm25_codes_start(c, s) && c->best_start[z->terms] == z->best;
}

static bool lose(struct part *p, const uint64_t *lost, struct stop *stop)
{
	const struct segment *s = p->segment;

	for (uint32_t at = 0; at < s->n; at++) {
		if (!(lost[at / 64] >> at % 64 & 1))
			continue;
		if (!part_lose(p, at) || stop_after(stop, segment_row_bytes(s, at)))
			return false;
	}
	return s->n % 64 ? !(lost[s->n / 64] >> s->n % 64) : !lost[s->n / 64];
}

/* As segment_post has it. */
static bool add_up(struct segment *s, const uint32_t *frequency)
{
	s->posting_start = array_new((size_t)s->terms.n + 1, sizeof *s->posting_start);
	for (uint32_t t = 0; s->posting_start && t < s->terms.n; t++)
		s->posting_start[t + 1] = s->posting_start[t] + frequency[t];
	return s->posting_start;
}

bool bm25_check(struct part *p, const struct bm25_sizes *z, const uint64_t *lost,
	uint32_t documents, struct stop *stop)
{
	struct segment *s = p->segment;
	uint32_t *frequency = array_new(z->terms, sizeof *frequency);

	s->n = z->documents;
	s->terms.n = z->terms;
	bool good = frequency && starts(s->terms.start, z->terms, z->term_bytes) &&
		    terms_index(&s->terms, stop) && check_rows(s, z, documents, frequency, stop) &&
		    add_up(s, frequency);
	free(frequency);
	return good && check_postings(s, z, stop) && check_codes(p->codes, s, z) &&
	       (!z->lost || (z->lost == lost_words(s) && lose(p, lost, stop)));
}
