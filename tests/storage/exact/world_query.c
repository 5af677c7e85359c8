/* Questions about a world. */
#include <math.h>

#include "tests/storage/exact/world.h"
#include "tests/storage/vectors/sample.h"

static uint32_t below(uint64_t *seed, uint32_t n)
{
	return (uint32_t)(sample_next(seed) % n);
}

enum question {
	AIM,
	AIM_NEARLY,
	ANY,
	A_ROW,
	A_ROW_NEARLY,
	AGAINST_A_ROW,
	NEGATIVE,
	ONE_HOT,
	ZERO,
	FAR,
	HUGE_VALUES,
	DENORMALS,
	QUESTIONS
};

/* Before sizes. */
static float direction(const struct world *w, enum question kind, uint32_t row, uint32_t hot,
	uint32_t i, uint64_t *seed)
{
	uint32_t d = w->shape.dimension;
	float of_row = w->shape.n ? w->value[(size_t)row * d + i] : 1;

	switch (kind) {
	case AIM:
		return w->aim[i];
	case AIM_NEARLY:
		return nextafterf(w->aim[i], below(seed, 2) ? 9.0f : -9.0f);
	case A_ROW:
		return of_row;
	case A_ROW_NEARLY:
		return nextafterf(of_row, below(seed, 2) ? INFINITY : -INFINITY);
	case AGAINST_A_ROW:
		return -of_row;
	case NEGATIVE:
		return -fabsf(sample_value(seed, 20));
	case ONE_HOT:
		return i == hot ? 1 : 0;
	case ZERO:
		return 0;
	default:
		return sample_value(seed, 20);
	}
}

static double size(enum question kind, uint64_t *seed)
{
	switch (kind) {
	case AIM:
		return ldexp(1, below(seed, 2) ? 0 : (int)below(seed, 20) - 10);
	case FAR:
		return pow(10, 3 + (int)below(seed, 18));
	case HUGE_VALUES:
		return 3e38;
	case DENORMALS:
		return 1e-43;
	default:
		return 1;
	}
}

void world_query(const struct world *w, uint64_t *seed, float *out)
{
	uint32_t d = w->shape.dimension, hot = below(seed, d);
	uint32_t row = w->shape.n ? below(seed, w->shape.n) : 0;
	enum question kind = below(seed, QUESTIONS);
	double by = size(kind, seed);
	bool zero = true;

	for (uint32_t i = 0; i < d; i++) {
		out[i] = (float)(direction(w, kind, row, hot, i, seed) * by);
		zero = zero && out[i] == 0;
	}
	if (zero && w->shape.similarity == PB__SIMILARITY__SIMILARITY_COSINE)
		out[hot] = -1;
}
