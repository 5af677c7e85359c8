/* The inside of a fitted encoder, for the files that fit, encode, save and load it. */
#ifndef STORAGE_TEXT_LSA_MODEL_H
#define STORAGE_TEXT_LSA_MODEL_H

#include "storage/text/lsa.h"
#include "storage/text/terms.h"

enum { STEMMER_NAME = 32 };

struct lsa {
	uint32_t dimension;
	double k1, b, average;	    /* as the fitted matrix weighs */
	char stemmer[STEMMER_NAME]; /* "": none */
	struct terms terms;	    /* those of two documents or more */
	double *idf;		    /* a term */
	float *v;		    /* terms x dimension: the right singular vectors, as columns */
};

#endif
