/*
 * The bound. Let q be a query, x a row of d dimensions, and u = 2^-24. The query is divided by its
 * length, in double, and rounded: q' is of length 1 but for u. The row is taken as it is stored. The
 * kernels (products.c) make a sum a of the products q'i xi, none of which is rounded more than
 * m = products_roundings(d) times on its way into it, fused or not, whatever the order:
 *
 *   | a - q'.x |  <=  g (|q'1 x1| + ... + |q'd xd|)  <=  g |q'| |x|,   g = m u / (1 - m u)
 *
 * The first step is Higham's (Accuracy and Stability of Numerical Algorithms, 3.1), the second
 * Cauchy-Schwarz. m is 64 and one more for every 64 dimensions, so that of 384 dimensions some 5e-6 of
 * |q| |x| is left open, where bytes leave a hundredth. q is not q' |q|, but for u, so
 *
 *   | a |q| - q.x |  <=  (g + u) |q| |x|
 *
 * Nothing overflows: no row is longer than 1e6 (codes.h), so that no sum on the way is above 2e6.
 *
 * What underflows is off by up to 2^-150 instead of u of itself. Of q' that is nothing: times |x|, it is
 * far below u |x|. Of the products it is d 2^-150 in all; sums of floats are multiples of 2^-149 and do
 * not underflow. So d 2^-130 is added, which is far more, and with it what is made is no denormal number.
 * Where a is divided by |x| (cosine) and rows are shorter than 2^-100, they are multiplied by 2^100
 * before, which is exact: what underflows then is less than d 2^-50 of |x|, which the thousandth below has
 * room for. Half of a square is off by some 2^-149 as well, which blur takes in (panel.c).
 *
 * From a to an upper there are, in u of |q| |x|, 2 for 1 / |x| (cosine: rounded, multiplied), 2 for |q|
 * (l2: the same), 2 for adding the margin and taking half a square away, and less than 1 for the score
 * that the row will get in double. g is taken larger by 12 u for them and for u above, and then by a
 * thousandth, for what is of second order. Of half a square these sums round 2 u too. It is made in
 * double and rounded down by 8 u, so that an upper is none too low for it; a lower is taken down by
 * 32 u of it, twice FLOATS_LOSS, for all of that. What is left of the 8 u is also more than 2^-150 |x|, by
 * which a |q| is off where |q| is a denormal float; or both are far below blur.
 *
 * So with a slack for what underflows and with the ratio g + 12 u the margin of margin.h is what an upper
 * is made of and a lower follows from, as with bytes, and all that query.h says of tau holds as it stands.
 * Where bytes say nothing of a distance, floats do not either (pass_too_far): such queries are left for
 * wide.c. So are those that have too many survivors here as well, for rows may all be equal; and those
 * that look into lists, whose rows stand anywhere.
 */
#include "storage/exact/floats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/fault.h"
#include "storage/exact/margin.h"
#include "storage/exact/products.h"
#include "storage/vectors/kernels.h"

#define U 0x1p-24
#define SHORT 0x1p-100 /* a row of cosine */

enum { ROWS_BYTES = 3 << 18 /* of rows: they stay in the second cache for all queries */ };
_Static_assert((int)PANEL == (int)GROUP, "a lane is a query");

/* Rows that stand together, and what is to be known of each. */
struct stretch {
	uint32_t first, n;
	const float *rows;
	float scale[CHUNK_ROWS], margin[CHUNK_ROWS], less[CHUNK_ROWS]; /* as a tile has them */
};

struct float_panel {
	lanes unit, reach, tau;
};

struct floats {
	products_fn *products;
	void (*choose)(const struct floats *f, size_t panel, uint32_t n, uint32_t row);
	float ratio;
	uint32_t dimension, at_once; /* at_once: rows of a stretch, at most */
	lanes *queries;		     /* panels x dimension */
	struct float_panel *panels;
	lanes *sums;		  /* PRODUCTS_ROWS x PRODUCTS_PANELS */
	struct candidates *found; /* PRODUCTS_PANELS x PANEL */
	float *copies;		  /* at_once x dimension */
	struct stretch stretch;
};

uint32_t floats_a_score(void)
{
	static const uint32_t rows[] = {
		[ISA_PORTABLE] = 2, [ISA_AVX2] = 16, [ISA_AVX512] = 32, [ISA_AMX] = 32};

	return rows[isa_now()];
}

static float ratio_for(uint32_t dimension)
{
	return (float)((products_roundings(dimension) + 12) * U * 1.001);
}

/* Those uppers that reach tau, of some rows from `row` of the stretch on with n panels. */
#define CHOOSE(isa, target, REACHED) \
	target static void choose_##isa( \
		const struct floats *f, size_t panel, uint32_t n, uint32_t row) \
	{ \
		const struct stretch *t = &f->stretch; \
		for (uint32_t i = 0; i < PRODUCTS_ROWS; i++, row++) \
			for (uint32_t j = 0; j < n; j++) { \
				const struct float_panel *q = &f->panels[panel + j]; \
				lanes upper = f->sums[i * n + j] * t->scale[row] * q->unit + \
					      (q->reach * t->margin[row] - t->less[row]); \
				uint32_t mask = REACHED(&upper, &q->tau); \
				if (mask) \
					keep(f, j, t->first + row, mask, &upper); \
			} \
	}

/* Of the lanes in the mask. */
ON_ANY_TARGET void keep(
	const struct floats *f, uint32_t j, uint32_t row, uint32_t mask, const lanes *upper)
{
	for (; mask; mask &= mask - 1) {
		int lane = __builtin_ctz(mask);
		struct candidates *found = &f->found[j * PANEL + (uint32_t)lane];
		found->row[found->n] = row;
		found->upper[found->n++] = (*upper)[lane];
	}
}

ON_ANY_TARGET uint32_t reached(const lanes *upper, const lanes *tau)
{
	int_lanes is = *upper >= *tau;
	uint32_t mask = 0;

	for (int i = 0; i < GROUP; i++)
		mask |= (uint32_t)(is[i] & 1) << i;
	return mask;
}

CHOOSE(portable, , reached)

#if defined(__x86_64__)

#include <immintrin.h>

#define REACHED_AVX512(upper, tau) \
	_mm512_cmp_ps_mask((__m512) * (upper), (__m512) * (tau), _CMP_GE_OQ)
#define REACHED_AVX2(upper, tau) \
	((uint32_t)_mm256_movemask_ps(half_reached(upper, tau, 0)) | \
		(uint32_t)_mm256_movemask_ps(half_reached(upper, tau, 1)) << GROUP / 2)

__attribute__((target("avx2,fma"), always_inline)) static inline __m256 half_reached(
	const lanes *upper, const lanes *tau, int half)
{
	return _mm256_cmp_ps(_mm256_load_ps((const float *)upper + half * GROUP / 2),
		_mm256_load_ps((const float *)tau + half * GROUP / 2), _CMP_GE_OQ);
}

CHOOSE(avx512, __attribute__((target("avx512f"))), REACHED_AVX512)
CHOOSE(avx2, __attribute__((target("avx2,fma"))), REACHED_AVX2)

#endif

static void pick_kernels(struct floats *f, enum isa isa)
{
	f->products = products_for(isa);
	f->choose = choose_portable;
#if defined(__x86_64__)
	if (isa >= ISA_AVX2)
		f->choose = isa == ISA_AVX2 ? choose_avx2 : choose_avx512;
#endif
}

static uint32_t rows_at_once(uint32_t dimension)
{
	size_t most = ROWS_BYTES / (dimension * sizeof(float)) / PRODUCTS_ROWS * PRODUCTS_ROWS;

	if (most < PRODUCTS_ROWS)
		return PRODUCTS_ROWS;
	return most < CHUNK_ROWS ? (uint32_t)most : CHUNK_ROWS;
}

static void *allocate(size_t n, size_t size)
{
	return FAULT() ? NULL : aligned_alloc(sizeof(lanes), (n * size + 63) / 64 * 64);
}

static bool make_room(struct floats *f, size_t panels)
{
	uint32_t d = f->dimension;

	f->queries = allocate(panels * d, sizeof *f->queries);
	f->panels = allocate(panels, sizeof *f->panels);
	f->sums = allocate(PRODUCTS_ROWS * PRODUCTS_PANELS, sizeof *f->sums);
	f->found = allocate(PRODUCTS_PANELS * PANEL, sizeof *f->found);
	f->copies = allocate((size_t)f->at_once * d, sizeof *f->copies);
	return f->queries && f->panels && f->sums && f->found && f->copies;
}

bool floats_begin(struct pass *p)
{
	struct floats *f = p->floats = FAULT() ? NULL : calloc(1, sizeof *f);

	if (!f)
		return false;
	f->dimension = p->x->codes->dimension;
	f->at_once = rows_at_once(f->dimension);
	f->ratio = ratio_for(f->dimension);
	pick_kernels(f, isa_now());
	for (size_t i = 0; i < p->n; i++)
		p->survivors[i].by_floats = true;
	p->guesses = false;
	return make_room(f, p->n_panels);
}

void floats_free(struct floats *f)
{
	if (!f)
		return;
	free(f->queries);
	free(f->panels);
	free(f->sums);
	free(f->found);
	free(f->copies);
	free(f);
}

bool floats_can_do(const struct pass *p, size_t query)
{
	return !p->floats && !p->x->lists && !pass_too_far(p, query);
}

void floats_encode(struct pass *p, size_t panel)
{
	struct floats *f = p->floats;
	struct float_panel *q = &f->panels[panel];
	lanes *x = f->queries + panel * f->dimension;
	size_t first = panel * PANEL;

	memset(x, 0, f->dimension * sizeof *x);
	memset(q, 0, sizeof *q);
	for (uint32_t i = 0; i < p->panels[panel].n; i++) {
		double size = sigma_unit(p->x->codes, p->length[first + i]);
		panel_load(&p->queries[first + i], p->length[first + i], f->dimension, i, x);
		q->unit[i] = (float)size;
		q->reach[i] = (float)(size * (1 + 0x1p-22));
	}
}

/* Rows that are halves, or too few for the kernels, as these want them. */
static void copy_rows(struct floats *f, const struct vectors *rows)
{
	struct stretch *t = &f->stretch;
	size_t d = f->dimension, there = t->n * d, wanted = t->n + (PRODUCTS_ROWS - 1);

	for (uint32_t i = 0; i < t->n; i++)
		vectors_floats(rows, t->first + i, f->copies + i * d);
	wanted = wanted / PRODUCTS_ROWS * PRODUCTS_ROWS * d;
	memset(f->copies + there, 0, (wanted - there) * sizeof *f->copies);
	t->rows = f->copies;
}

static void find_rows(struct floats *f, const struct vectors *rows)
{
	struct stretch *t = &f->stretch;

	if (rows->about.dtype == PB__DTYPE__DTYPE_F16 || t->n % PRODUCTS_ROWS)
		copy_rows(f, rows);
	else
		t->rows = vectors_row(rows, t->first);
}

/* Of cosine: 1 / its length, when it is long enough. */
static float measure_row(struct floats *f, const struct vectors *rows, uint32_t i)
{
	struct stretch *t = &f->stretch;
	size_t d = f->dimension;
	double length = sqrt(dot_f32(t->rows + i * d, t->rows + i * d, d));

	if (length >= SHORT)
		return (float)(1 / length);
	if (t->rows != f->copies)
		copy_rows(f, rows);
	for (size_t j = 0; j < d; j++)
		f->copies[i * d + j] *= (float)(1 / SHORT);
	return (float)(SHORT / length);
}

static double half_square(const struct floats *f, uint32_t i)
{
	const float *x = f->stretch.rows + i * (size_t)f->dimension;

	return dot_f32(x, x, f->dimension) / 2;
}

static void put_bounds(struct floats *f, const struct exact *x, uint32_t i)
{
	const struct codes *c = x->codes;
	struct stretch *t = &f->stretch;
	uint32_t row = t->first + i;
	struct codes_block b = codes_block(c, row / CODE_BLOCK);
	float size = row_size(c->similarity, b.weight[row % CODE_BLOCK]);

	t->scale[i] = 1;
	t->less[i] = 0;
	t->margin[i] = row_margin(floats_slack(c), size, f->ratio);
	if (x->rows->numbers[row] == DEAD_ROW)
		t->margin[i] = -INFINITY;
	else if (c->similarity == PB__SIMILARITY__SIMILARITY_COSINE)
		t->scale[i] = measure_row(f, x->rows, i);
	else if (c->similarity == PB__SIMILARITY__SIMILARITY_L2)
		t->less[i] = (float)(half_square(f, i) * (1 - 8 * U));
}

static void load_stretch(struct floats *f, const struct exact *x, uint32_t first, uint32_t n)
{
	struct stretch *t = &f->stretch;

	t->first = first;
	t->n = n;
	find_rows(f, x->rows);
	for (uint32_t i = 0; i < n; i++)
		put_bounds(f, x, i);
	for (uint32_t i = n; i % PRODUCTS_ROWS; i++) {
		t->scale[i] = t->less[i] = 0;
		t->margin[i] = -INFINITY;
	}
}

static bool take_taus(struct pass *p, size_t panel)
{
	const struct panel *of = &p->panels[panel];
	struct float_panel *q = &p->floats->panels[panel];
	bool any = false;

	for (uint32_t i = 0; i < PANEL; i++) {
		q->tau[i] = i < of->n ? of->survivors[i].tau : INFINITY;
		any |= q->tau[i] < INFINITY;
	}
	return any;
}

/* Asks the memory for the rows behind these: of dot products nobody has read them yet, unless they are
 * copies. Inlined by force, as finish.c says. */
static inline __attribute__((always_inline)) void fetch_behind(const struct floats *f, uint32_t row)
{
	enum { LINE = 64, SECOND_CACHE = 2 };
	size_t bytes = PRODUCTS_ROWS * f->dimension * sizeof(float);
	const char *behind = (const char *)f->stretch.rows + (row / PRODUCTS_ROWS + 1) * bytes;

	for (size_t at = 0; at < bytes; at += LINE)
		__builtin_prefetch(behind + at, 0, SECOND_CACHE);
}

/* With as many panels as the kernels take at once. */
static void compare_panels(struct pass *p, size_t panel, uint32_t n)
{
	struct floats *f = p->floats;
	const struct stretch *t = &f->stretch;
	struct products products = {.stride = f->dimension,
		.panels = f->queries + panel * f->dimension,
		.n = n,
		.dimension = f->dimension,
		.out = f->sums};
	bool any = false;

	for (uint32_t j = 0; j < n; j++)
		any |= take_taus(p, panel + j);
	if (!any)
		return;
	for (uint32_t i = 0; i < n * PANEL; i++)
		f->found[i].n = 0;
	for (uint32_t row = 0; row < t->n; row += PRODUCTS_ROWS) {
		products.rows = t->rows + row * (size_t)f->dimension;
		if (panel == 0 && row + PRODUCTS_ROWS < t->n)
			fetch_behind(f, row);
		f->products(&products);
		f->choose(f, panel, n, row);
	}
	for (uint32_t i = 0; i < n * PANEL && panel * PANEL + i < p->n; i++)
		survivors_offer(&p->survivors[panel * PANEL + i], &f->found[i], f->ratio);
}

static bool all_gave_up(const struct pass *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->survivors[i].wide)
			return false;
	return true;
}

void floats_compare(struct pass *p, uint32_t chunk)
{
	struct floats *f = p->floats;
	uint32_t first = chunk * CHUNK_ROWS, left = p->x->codes->rows - first;
	uint32_t end = first + (left < CHUNK_ROWS ? left : CHUNK_ROWS);

	for (; first < end && !all_gave_up(p); first += f->at_once) {
		uint32_t n = end - first < f->at_once ? end - first : f->at_once;
		load_stretch(f, p->x, first, n);
		for (size_t i = 0; i < p->n_panels; i += PRODUCTS_PANELS) {
			size_t panels = p->n_panels - i;
			compare_panels(p, i,
				panels < PRODUCTS_PANELS ? (uint32_t)panels : PRODUCTS_PANELS);
		}
	}
}
