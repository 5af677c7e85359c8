#include "tests/bench/training.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "storage/text/lsa.h"

static struct lsa *fit(struct bench *b)
{
	struct lsa *encoder;
	struct error e;

	must(lsa_fit(nfcorpus_index(b), D, 1, NULL, NULL, NULL, &encoder, &e), &e,
		"fit the encoder");
	return encoder;
}

static void put_documents(struct bench *b, const struct lsa *encoder, struct training *t)
{
	t->document = must_allocate(t->documents, D * sizeof *t->document);
	for (uint32_t i = 0; i < t->documents; i++)
		if (!lsa_encode_document(
			    encoder, nfcorpus_index(b), i, t->document + (size_t)i * D)) {
			fprintf(stderr, "bench: document %u of NFCorpus has no vector\n", i);
			exit(1);
		}
}

/* Queries that were judged and have a vector, by numbers of their own. */
static void put_queries(const struct nfcorpus *c, const struct lsa *encoder, struct training *t)
{
	struct error e;

	t->query = must_allocate(c->n_queries, D * sizeof *t->query);
	t->judged = must_allocate(c->n_judged, sizeof *t->judged);
	for (size_t i = 0, end; i < c->n_judged; i = end) {
		uint32_t query = c->judged[i].query;
		bool encoded =
			!lsa_encode_text(encoder, c->query[query], t->query + (size_t)t->n * D, &e);
		for (end = i; end < c->n_judged && c->judged[end].query == query; end++)
			if (encoded)
				t->judged[t->n_judged++] =
					(struct judged){t->n, c->judged[end].document};
		t->n += encoded;
	}
}

struct training *training_new(struct bench *b)
{
	const struct nfcorpus *c = nfcorpus_of(b);
	struct training *t = must_allocate(1, sizeof *t);
	struct lsa *encoder = fit(b);
	double seconds;

	t->documents = c->n;
	put_documents(b, encoder, t);
	put_queries(c, encoder, t);
	lsa_free(encoder);
	snprintf(t->folder, sizeof t->folder, "%s/training", b->dir);
	mkdir(t->folder, 0700);
	must_write(t->folder, "documents", t->document, (size_t)t->documents * D * sizeof(float));
	must_write(t->folder, "queries", t->query, (size_t)t->n * D * sizeof(float));
	must_write(t->folder, "judged", t->judged, t->n_judged * sizeof *t->judged);
	t->shelf = shelf_make("training", t->documents, t->document);
	shelf_send_documents(b, &t->shelf);
	shelf_publish(b, &t->shelf, 1, &seconds, &seconds);
	return t;
}

void training_free(struct training *t)
{
	free(t->query);
	free(t->document);
	free(t->judged);
	free(t->shelf.ids);
	free(t);
}
