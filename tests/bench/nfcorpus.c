#include "tests/bench/nfcorpus.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

enum { MOST = 5000, MOST_JUDGED = 200000 };

static FILE *open_file(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/data/nfcorpus/beir/%s", getenv("HARDMINER_SHARED"), name);
	return fopen(path, "r");
}

static const char *field(json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value ? value : "";
}

static char *joined(const char *title, const char *text)
{
	size_t size = strlen(title) + strlen(text) + 2;
	char *both = must_allocate(size, 1);

	snprintf(both, size, "%s%s%s", title, *title ? " " : "", text);
	return both;
}

/* Texts, and their numbers by id. */
static char **read_texts(FILE *f, uint32_t *n, json_t *numbers)
{
	char **text = must_allocate(MOST, sizeof *text);
	json_t *line;

	while (*n < MOST && (line = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL))) {
		json_object_set_new(numbers, field(line, "_id"), json_integer(*n));
		text[(*n)++] = joined(field(line, "title"), field(line, "text"));
		json_decref(line);
	}
	fclose(f);
	return text;
}

static int by_query(const void *a, const void *b)
{
	const struct judged *x = a, *y = b;

	if (x->query != y->query)
		return x->query < y->query ? -1 : 1;
	return (x->document > y->document) - (x->document < y->document);
}

static void read_judged(FILE *f, struct nfcorpus *c, json_t *documents, json_t *queries)
{
	char query[64], document[64];
	int grade;

	c->judged = must_allocate(MOST_JUDGED, sizeof *c->judged);
	while (fgetc(f) != '\n' && !feof(f)) /* names of columns */
		;
	while (c->n_judged < MOST_JUDGED &&
		fscanf(f, "%63s %63s %d", query, document, &grade) == 3) {
		json_t *q = json_object_get(queries, query);
		json_t *d = json_object_get(documents, document);
		if (q && d && grade > 0)
			c->judged[c->n_judged++] = (struct judged){
				(uint32_t)json_integer_value(q), (uint32_t)json_integer_value(d)};
	}
	fclose(f);
	qsort(c->judged, c->n_judged, sizeof *c->judged, by_query);
}

const struct nfcorpus *nfcorpus_of(struct bench *b)
{
	FILE *corpus, *queries, *judged;

	if (b->nfcorpus || !getenv("HARDMINER_SHARED") || !(corpus = open_file("corpus.jsonl")))
		return b->nfcorpus;
	queries = open_file("train/queries.jsonl");
	judged = open_file("train/qrels.tsv");
	if (!queries || !judged) {
		fprintf(stderr, "bench: NFCorpus is there without its training set\n");
		exit(1);
	}
	json_t *document_numbers = json_object(), *query_numbers = json_object();
	b->nfcorpus = must_allocate(1, sizeof *b->nfcorpus);
	b->nfcorpus->text = read_texts(corpus, &b->nfcorpus->n, document_numbers);
	b->nfcorpus->query = read_texts(queries, &b->nfcorpus->n_queries, query_numbers);
	read_judged(judged, b->nfcorpus, document_numbers, query_numbers);
	json_decref(document_numbers);
	json_decref(query_numbers);
	return b->nfcorpus;
}

const struct bm25 *nfcorpus_index(struct bench *b)
{
	struct nfcorpus *c = b->nfcorpus;
	struct error e;

	if (c->index)
		return c->index;
	struct bm25_builder *builder = bm25_builder_new(NULL);
	c->order = must_allocate(c->n, sizeof *c->order);
	for (uint32_t i = 0; i < c->n; i++) {
		c->order[i] = i;
		must(bm25_builder_add(builder, NULL, c->text[i], &e), &e, "index a document");
	}
	must(bm25_build(builder, c->order, &c->index, &e), &e, "index the documents");
	return c->index;
}

void nfcorpus_free(struct bench *b)
{
	struct nfcorpus *c = b->nfcorpus;

	if (!c)
		return;
	for (uint32_t i = 0; i < c->n; i++)
		free(c->text[i]);
	for (uint32_t i = 0; i < c->n_queries; i++)
		free(c->query[i]);
	free(c->text);
	free(c->query);
	free(c->judged);
	bm25_free(c->index);
	free(c->order);
	free(c);
	b->nfcorpus = NULL;
}
