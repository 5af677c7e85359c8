#include "storage/exact/pass.h"

#include <math.h>
#include <stdlib.h>

#include "proto/fault.h"
#include "storage/exact/floats.h"
#include "storage/exact/pass_private.h"
#include "storage/exact/probing.h"
#include "storage/exact/score.h"
#include "storage/progress.h"

double sigma_of(const struct codes *c, double length, double score)
{
	switch (c->similarity) {
	case PB__SIMILARITY__SIMILARITY_COSINE:
		return score;
	case PB__SIMILARITY__SIMILARITY_L2:
		return (score + length * length) / 2;
	default:
		return length > 0 ? score / length : 0;
	}
}

double conversion_error(const struct codes *c, double length, double sigma)
{
	bool l2 = c->similarity == PB__SIMILARITY__SIMILARITY_L2;
	double added = l2 ? length * length : 0; /* and taken away */

	return (c->dimension + 32) * 0x1p-53 * (fabs(sigma) + added);
}

double sigma_needed(const struct codes *c, double length, double score, double blur)
{
	double sigma = sigma_of(c, length, score);

	return sigma - conversion_error(c, length, sigma) - blur;
}

static void put_limits(struct pass *p, size_t i)
{
	const struct exact_query *q = &p->queries[i];
	struct survivors *s = &p->survivors[i];
	const struct codes *c = p->x->codes;

	s->k = q->k + q->n_excluded;
	s->below = s->above = INFINITY;
	s->floor = -INFINITY;
	if (q->behind) {
		double sigma = sigma_of(c, p->length[i], q->behind->score);
		double off = conversion_error(c, p->length[i], sigma) + 2 * s->blur;
		s->below = sigma - off;
		s->above = sigma + off;
	}
	if (q->floor > -INFINITY) {
		double sigma = sigma_of(c, p->length[i], q->floor);
		s->floor = sigma - conversion_error(c, p->length[i], sigma) - 2 * s->blur;
	}
}

bool pass_too_far(const struct pass *p, size_t i)
{
	return p->x->codes->similarity == PB__SIMILARITY__SIMILARITY_L2 && p->length[i] > 1e15;
}

static bool begin_query(struct pass *p, size_t i)
{
	const struct codes *c = p->x->codes;
	struct survivors *s = &p->survivors[i];

	p->length[i] = vector_length(p->queries[i].vector, c->dimension);
	s->codes = c;
	s->length = sigma_unit(c, p->length[i]);
	s->blur = score_blur(c, p->length[i]);
	put_limits(p, i);
	if (!survivors_init(s))
		return false;
	if (pass_too_far(p, i))
		survivors_give_up(s);
	return true;
}

static void begin_panels(struct pass *p)
{
	for (size_t first = 0; first < p->n; first += PANEL) {
		size_t left = p->n - first;
		p->panels[p->n_panels++] =
			(struct panel){.n = (uint32_t)(left < PANEL ? left : PANEL),
				.survivors = p->survivors + first};
	}
}

static bool allocate(struct pass *p)
{
	size_t panels = (p->n + PANEL - 1) / PANEL;

	p->length = FAULT() ? NULL : malloc((p->n + 1) * sizeof *p->length);
	p->survivors = FAULT() ? NULL : calloc(p->n + 1, sizeof *p->survivors);
	p->panels = FAULT() ? NULL : calloc(panels + 1, sizeof *p->panels);
	return p->length && p->survivors && p->panels;
}

static struct kernels kernels_for(enum isa isa)
{
	static const struct kernels kernels[] = {
		[ISA_PORTABLE] = {.tile = tile_portable, .tails = tails_portable},
		[ISA_AVX2] = {.tile = tile_avx2, .tails = tails_avx2},
		[ISA_AVX512] = {.tile = tile_avx512, .tails = tails_avx512},
		[ISA_AMX] = {tile_amx, tiles_begin, tiles_end, tails_avx512}};

	return kernels[isa];
}

enum code pass_begin(const struct exact *x, const uint32_t *order, struct exact_query *queries,
	size_t n, struct pass **out, struct error *e)
{
	struct pass *p = FAULT() ? NULL : calloc(1, sizeof *p);

	if (!p)
		return error_memory(e);
	p->x = x;
	p->order = order;
	p->kernels = kernels_for(isa_now());
	p->queries = queries;
	p->n = n;
	p->guesses = !x->lists;
	p->by_floats.by_floats = true;
	bool ready = allocate(p) && (!x->lists || probing_begin(p));
	for (size_t i = 0; ready && i < n; i++)
		ready = begin_query(p, i);
	if (!ready) {
		pass_end(p);
		return error_memory(e);
	}
	begin_panels(p);
	p->seen.all = pass_chunks(p);
	p->stride = pass_stride(p->seen.all);
	*out = p;
	return OK;
}

enum code pass_encode(struct pass *p, size_t panels, struct error *e)
{
	for (; panels > 0 && !pass_is_encoded(p); panels--, p->encoded++) {
		size_t first = p->encoded * PANEL;
		struct panel *panel = &p->panels[p->encoded];
		if (p->floats)
			floats_encode(p, p->encoded);
		else if (!panel_init(panel, p->x->codes, p->queries + first, p->length + first,
				 panel->n))
			return error_memory(e);
	}
	return OK;
}

bool pass_is_encoded(const struct pass *p)
{
	return p->encoded == p->n_panels;
}

void pass_borrow(struct pass *p, const struct pass *from)
{
	for (; p->encoded < p->n_panels; p->encoded++) {
		struct panel own = p->panels[p->encoded], *panel = &p->panels[p->encoded];
		*panel = from->panels[p->encoded];
		panel->survivors = own.survivors;
		panel->gone = own.gone;
		panel->next_look = own.next_look;
	}
	p->borrowed = true;
}

struct pass *pass_end(struct pass *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; p->survivors && i < p->n; i++)
		survivors_free(&p->survivors[i]);
	for (size_t i = 0; i < p->encoded && !p->borrowed; i++)
		panel_free(&p->panels[i]);
	again_free(&p->again);
	again_free(&p->by_floats);
	floats_free(p->floats);
	wide_free(&p->wide);
	probing_free(p->probing, p->n);
	free(p->panels);
	free(p->survivors);
	free(p->length);
	free(p);
	return NULL;
}

uint32_t pass_chunks(const struct pass *p)
{
	if (p->probing)
		return probing_chunks(p->probing);
	return (p->x->codes->blocks + CHUNK_BLOCKS - 1) / CHUNK_BLOCKS;
}

void pass_share_chunks(struct pass *p)
{
	p->shares_chunks = true;
}

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* Rows that are alike often stand together. Chunks are visited with the stride of the golden ratio,
 * so that tau soon is about what it will be in the end. */
uint32_t pass_stride(uint32_t n)
{
	uint32_t stride = (uint32_t)(n * 0.6180339887) + 1;

	while (greatest_common_divisor(stride, n) != 1)
		stride++;
	return stride;
}

static bool is_given_up(const struct panel *panel)
{
	uint32_t i = 0;

	while (i < panel->n && panel->survivors[i].wide)
		i++;
	return i == panel->n;
}

/* Floats would be faster than to score them; or will be, for of what is there by now much passes. */
static bool is_crowded(const struct pass *p, const struct survivors *s)
{
	size_t least = survivors_least_room(s), many = s->codes->rows / floats_a_score();
	size_t seen = (size_t)p->seen.chunks * CHUNK_ROWS;

	return s->n > least + many || (s->n > least + many / 4 && s->n > seen / 8);
}

/* Where many queries have many survivors, they are sooner done by floats, all together. */
static void leave_in_company(struct pass *p, struct survivors *s)
{
	if (s->wide)
		return;
	if (!s->crowded && is_crowded(p, s)) {
		s->crowded = true;
		p->crowd++;
	}
	if (s->crowded && p->crowd >= FLOATS_COMPANY)
		survivors_give_up(s);
}

/* So often that not many more pass meanwhile than would with a new guess each time; and not all panels
 * after the same chunk, for all of them together take long. */
static void look_now_and_then(struct pass *p, size_t i)
{
	struct panel *panel = &p->panels[i];
	uint32_t seen = p->seen.chunks;

	if (seen < panel->next_look)
		return;
	for (uint32_t j = 0; j < panel->n; j++) {
		if (p->guesses)
			survivors_guess(&panel->survivors[j], &p->seen);
		leave_in_company(p, &panel->survivors[j]);
	}
	panel->next_look = seen + seen / 4 + 1 + (uint32_t)(i % (seen / 8 + 1));
}

static size_t wanted_panels(const struct pass *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_panels; i++)
		n += !is_given_up(&p->panels[i]);
	return n;
}

/* One against all panels of which somebody has not given up, which fetch `next`. */
static void scan_chunk(struct pass *p, uint32_t chunk, struct ahead next)
{
	struct span span = chunk_span(p->x->codes, chunk);
	size_t panels = wanted_panels(p), left = panels;

	p->seen.chunks++;
	if (p->floats) {
		floats_compare(p, chunk);
		return;
	}
	for (size_t i = 0; i < p->n_panels; i++) {
		if (is_given_up(&p->panels[i]))
			continue;
		span.ahead = ahead_of_panel(next, --left, panels);
		compare_rows(&p->kernels, p->x->codes, &span, &p->panels[i]);
		look_now_and_then(p, i);
	}
}

/* The i-th to be visited. */
static uint32_t chunk_at(const struct pass *p, uint32_t i)
{
	return (uint32_t)((uint64_t)i * p->stride % p->seen.all);
}

static struct ahead codes_at(const struct pass *p, uint32_t i)
{
	struct span span = chunk_span(p->x->codes, chunk_at(p, i));

	return span_codes(p->x->codes, &span);
}

enum code pass_scan(
	struct pass *p, uint32_t first, uint32_t n, atomic_bool *cancelled, struct error *e)
{
	if (p->probing)
		return probing_scan(p, first, n, cancelled, e);
	uint32_t end = p->shares_chunks ? first + n : p->seen.all;
	for (uint32_t i = first; i - first < n; i++) {
		if (check_cancelled(cancelled, e))
			return e->code;
		scan_chunk(p, chunk_at(p, i), i + 1 < end ? codes_at(p, i + 1) : (struct ahead){0});
	}
	return OK;
}

uint32_t pass_alike(const struct pass *p, uint32_t chunk)
{
	return p->probing ? probing_alike(p, chunk) : UINT32_MAX;
}

/* A query that is gone may be going from the other at this moment. */
void pass_absorb(struct pass *p, struct pass *other)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->survivors[i].gone)
			survivors_absorb(&p->survivors[i], &other->survivors[i]);
}

void pass_drop(struct pass *p, size_t query)
{
	struct survivors *s = &p->survivors[query];

	p->panels[query / PANEL].gone += !s->gone;
	s->gone = true;
	p->length[query] = 0; /* nor by encoding */
	survivors_give_up(s);
	again_drop(&p->again, query);
	again_drop(&p->by_floats, query);
}

size_t pass_worth(const struct pass *p, size_t first, size_t n, size_t rows)
{
	size_t some = 0, i = 0;

	while (i < n && (i == 0 || some < rows)) {
		const struct survivors *s = &p->survivors[first + i++];
		some += s->wide ? 0 : s->n;
	}
	return i;
}

static enum code encode_all(struct pass *p, atomic_bool *cancelled, struct error *e)
{
	while (!pass_is_encoded(p))
		if (check_cancelled(cancelled, e) || pass_encode(p, 1, e))
			return e->code;
	return OK;
}

enum code exact_search(const struct exact *x, const uint32_t *order, struct exact_query *queries,
	size_t n, atomic_bool *cancelled, struct error *e)
{
	struct pass *p;

	if (pass_begin(x, order, queries, n, &p, e))
		return e->code;
	enum code rc = encode_all(p, cancelled, e);
	if (rc == OK)
		rc = pass_scan(p, 0, pass_chunks(p), cancelled, e);
	if (rc == OK)
		rc = pass_finish(p, 0, n, cancelled, e);
	while (rc == OK && pass_has_rest(p))
		rc = pass_rest(p, SCORES_AT_ONCE, cancelled, e);
	pass_end(p);
	return rc;
}
