#include "workers/mine/score.h"

#include <math.h>

static double given_score(const struct scoring *s, uint32_t document)
{
	size_t low = 0, high = s->n_given;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (s->given[middle].document < document)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->n_given && s->given[low].document == document ? s->given[low].score : NAN;
}

double score_document(const struct scoring *s, uint32_t document)
{
	switch (s->scorer) {
	case PB__SCORER__SCORER_DENSE:
		return image_score(s->image, s->vector, document);
	case PB__SCORER__SCORER_BM25:
		return bm25_score(s->bm25, s->terms, document);
	case PB__SCORER__SCORER_GIVEN:
		return given_score(s, document);
	default:
		return NAN;
	}
}

/* The source whose own score is the scorer's, or N_SOURCES. */
static size_t same_source(Pb__Scorer scorer)
{
	switch (scorer) {
	case PB__SCORER__SCORER_DENSE:
		return PB__SOURCE_KIND__SOURCE_KIND_DENSE;
	case PB__SCORER__SCORER_BM25:
		return PB__SOURCE_KIND__SOURCE_KIND_BM25;
	default:
		return N_SOURCES;
	}
}

void score_list(const struct scoring *s, struct list *list)
{
	size_t source = same_source(s->scorer);

	for (size_t i = 0; i < list->n; i++) {
		struct candidate *c = &list->at[i];
		if (source < N_SOURCES && c->seen[source].rank != NO_RANK)
			c->score = c->seen[source].score;
		else
			c->score = score_document(s, c->document);
	}
}
