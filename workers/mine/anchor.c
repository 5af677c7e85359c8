#include "workers/mine/anchor.h"

#include <math.h>

static struct anchor first(const uint32_t *positives, const double *scores, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isnan(scores[i]))
			return (struct anchor){scores[i], positives[i]};
	return (struct anchor){NAN, NO_DOCUMENT};
}

/* sign 1: the highest, -1: the lowest; of equals the first. */
static struct anchor extreme(const uint32_t *positives, const double *scores, size_t n, int sign)
{
	struct anchor a = first(positives, scores, n);

	for (size_t i = 0; i < n; i++)
		if (sign * scores[i] > sign * a.score) /* false for NaN */
			a = (struct anchor){scores[i], positives[i]};
	return a;
}

static size_t count_scored(const double *scores, size_t n)
{
	size_t scored = 0;

	for (size_t i = 0; i < n; i++)
		scored += !isnan(scores[i]);
	return scored;
}

static struct anchor mean(const double *scores, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		if (!isnan(scores[i]))
			sum += scores[i];
	return (struct anchor){sum / count_scored(scores, n), NO_DOCUMENT}; /* 0/0: NaN */
}

static struct anchor drawn(
	const uint32_t *positives, const double *scores, size_t n, struct stream random)
{
	size_t scored = count_scored(scores, n);
	size_t skip = scored ? stream_below(&random, scored) : 0;

	for (size_t i = 0; i < n; i++)
		if (!isnan(scores[i]) && skip-- == 0)
			return (struct anchor){scores[i], positives[i]};
	return (struct anchor){NAN, NO_DOCUMENT};
}

struct anchor anchor_pick(Pb__Anchor rule, const uint32_t *positives, const double *scores,
	size_t n, struct stream random)
{
	switch (rule) {
	case PB__ANCHOR__ANCHOR_MIN:
		return extreme(positives, scores, n, -1);
	case PB__ANCHOR__ANCHOR_MAX:
		return extreme(positives, scores, n, 1);
	case PB__ANCHOR__ANCHOR_MEAN:
		return mean(scores, n);
	case PB__ANCHOR__ANCHOR_RANDOM:
		return drawn(positives, scores, n, random);
	default:
		return first(positives, scores, n);
	}
}
