/* The verb `import`: which files go where. */
#include "client/cli/import.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/progress.h"
#include "client/cli/table.h"

static const struct option import_options[] = {
	{"documents", "FILE", NULL, "JSON lines of id, title, text, group, metadata"},
	{"queries", "FILE", NULL, "JSON lines of id, text, group"},
	{"positives", "FILE", NULL, "lines of query, document, grade", OPTION_MANY},
	{"split", "NAME", NULL, "of a folder's qrels/, this file alone: train"},
	{"vectors", "FILE.npy", NULL, "rows of '<f4' or '<f2'"},
	{"ids", "FILE", NULL, "an id a line, for each row of --vectors"},
	{"of", "SIDE", "document", "whose vectors: document or query"},
	{"generation", "N", NULL, "the open generation that takes the vectors"},
	{"encoder", "NAME", NULL, "or begin one of this encoder", OPTION_FIELD},
	{"step", "N", NULL, "... at this training step", OPTION_FIELD},
	{"similarity", "NAME", NULL, "... compared by cosine, dot or l2", OPTION_FIELD},
	{"index", "NAME", NULL, "... with this index: exact, lists<n>, or a FAISS factory string",
		OPTION_FIELD},
	{"publish", NULL, NULL, "publish the generation afterwards"},
	{NULL},
};

enum { KINDS = 4, PATHS = 64 };

struct report {
	const char *what[KINDS];
	struct import_counts counts[KINDS];
	size_t n;
	uint64_t generation;
};

static struct import_counts *add(struct report *r, const char *what)
{
	r->what[r->n] = what;
	return &r->counts[r->n++];
}

static enum code create(struct session *s, const char *collection, struct error *e)
{
	Pb__CreateCollectionRequest request = PB__CREATE_COLLECTION_REQUEST__INIT;
	Pb__Collection *answer;

	request.collection = collection;
	if (session_ask(s, "CreateCollection", &request.base, &answer, e) &&
		e->code != ALREADY_EXISTS)
		return e->code;
	return OK;
}

static const char *inside(struct session *s, const char *folder, const char *name)
{
	char *path = arena_printf(&s->arena, "%s/%s", folder, name);

	return path && !access(path, R_OK) ? path : NULL;
}

static int is_tsv(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 4 && !strcmp(entry->d_name + len - 4, ".tsv");
}

static enum code add_path(const char **paths, size_t *n, const char *path, struct error *e)
{
	if (*n == PATHS)
		return error_set(e, INVALID_ARGUMENT, "USAGE",
			"There are more than %d files of judgments; put them together.", PATHS);
	paths[(*n)++] = path;
	return OK;
}

/* Every qrels/NAME.tsv by name, or the split's alone; beside them or without, qrels.tsv. */
static enum code folder_positives(struct session *s, const char *folder, const char *split,
	const char **paths, size_t *n, struct error *e)
{
	const char *only = split ? arena_printf(&s->arena, "qrels/%s.tsv", split) : "qrels.tsv";
	const char *qrels = inside(s, folder, "qrels"), *single = inside(s, folder, only);
	struct dirent **entries;

	if (single)
		paths[(*n)++] = single;
	if (split && !single)
		return error_set(
			e, NOT_FOUND, "NO_SUCH_FILE", "There is no %s in %s.", only, folder);
	int found = qrels && !split ? scandir(qrels, &entries, is_tsv, alphasort) : 0;
	enum code code = OK;
	for (int i = 0; i < found; i++) {
		const char *path = inside(s, qrels, entries[i]->d_name);
		if (path && !code)
			code = add_path(paths, n, path, e);
		free(entries[i]);
	}
	if (found > 0)
		free(entries);
	return code;
}

struct files {
	const char *documents, *queries, *positives[PATHS];
	size_t n_positives;
};

static enum code find_files(
	struct session *s, const struct options *o, struct files *f, struct error *e)
{
	const char *folder = o->n_words > 1 ? o->words[1] : NULL;

	f->documents = options_value(o, "documents");
	f->queries = options_value(o, "queries");
	for (size_t i = 0; i < o->n_given; i++)
		if (!strcmp(o->given[i].option->name, "positives") &&
			add_path(f->positives, &f->n_positives, o->given[i].value, e))
			return e->code;
	if (options_has(o, "split") && (!folder || f->n_positives)) {
		error_set(e, INVALID_ARGUMENT, "USAGE",
			"--split chooses among a FOLDER's qrels/; without one, or with "
			"--positives, "
			"it means nothing.");
		return error_field(e, "--split");
	}
	if (!folder)
		return OK;
	if (!f->documents)
		f->documents = inside(s, folder, "corpus.jsonl");
	if (!f->queries)
		f->queries = inside(s, folder, "queries.jsonl");
	if (!f->documents && !f->queries)
		return error_set(e, NOT_FOUND, "NO_SUCH_FILE",
			"%s holds neither corpus.jsonl nor queries.jsonl; it is no BEIR folder.",
			folder);
	if (f->n_positives)
		return OK;
	return folder_positives(
		s, folder, options_value(o, "split"), f->positives, &f->n_positives, e);
}

static enum code import_texts(struct session *s, const char *collection, const struct files *f,
	struct report *r, struct error *e)
{
	if (f->documents && import_documents(s, collection, f->documents, add(r, "documents"), e))
		return e->code;
	if (f->queries && import_queries(s, collection, f->queries, add(r, "queries"), e))
		return e->code;
	struct import_counts *positives = f->n_positives ? add(r, "positives") : NULL;
	for (size_t i = 0; i < f->n_positives; i++)
		if (import_positives(s, collection, f->positives[i], positives, e))
			return e->code;
	return OK;
}

static enum code import_rows(
	struct session *s, const struct options *o, struct report *r, struct error *e)
{
	static const char *const sides[] = {"document", "query", NULL};
	struct vector_import what = {
		.collection = o->words[0],
		.vectors = options_value(o, "vectors"),
		.ids = options_value(o, "ids"),
		.encoder = options_value(o, "encoder"),
		.publish = options_has(o, "publish"),
	};
	size_t side;

	if (!what.ids) {
		error_set(e, INVALID_ARGUMENT, "USAGE",
			"--vectors needs --ids: a text file with the id of each row.");
		return error_field(e, "--ids");
	}
	if (options_choice(o, "of", sides, &side, e) ||
		options_number(o, "generation", UINT64_MAX, &what.generation, e))
		return e->code;
	what.of = side ? PB__SIDE__SIDE_QUERY : PB__SIDE__SIDE_DOCUMENT;
	return import_vectors(s, o, &what, &r->generation, add(r, "vectors"), e);
}

static void print_json(const struct report *r)
{
	printf("{");
	for (size_t i = 0; i < r->n; i++) {
		const struct import_counts *c = &r->counts[i];
		printf("\"%s\":{\"created\":%llu,\"updated\":%llu,\"unchanged\":%llu,"
		       "\"skipped_without_grade\":%llu,\"skipped_unknown\":%llu,"
		       "\"seconds\":%.3f}%s",
			r->what[i], (unsigned long long)c->created, (unsigned long long)c->updated,
			(unsigned long long)c->unchanged, (unsigned long long)c->no_grade,
			(unsigned long long)c->unknown, c->seconds, i + 1 < r->n ? "," : "");
	}
	if (r->generation)
		printf(",\"generation\":%llu", (unsigned long long)r->generation);
	puts("}");
}

static void print_table(const struct report *r)
{
	static const struct column columns[] = {{"imported", 0, false}, {"created", 0, true},
		{"updated", 0, true}, {"unchanged", 0, true}, {"seconds", 0, true}, {0}};
	struct table t;

	table_begin(&t, columns);
	for (size_t i = 0; i < r->n; i++) {
		const struct import_counts *c = &r->counts[i];
		char cell[4][32];
		snprintf(cell[3], sizeof cell[3], "%.1f", c->seconds);
		table_row(&t, (const char *[]){r->what[i], with_commas(c->created, cell[0]),
				      with_commas(c->updated, cell[1]),
				      with_commas(c->unchanged, cell[2]), cell[3]});
	}
	table_end(&t, stdout);
	for (size_t i = 0; i < r->n; i++) {
		const struct import_counts *c = &r->counts[i];
		char n[32];
		if (c->unknown)
			printf("%s judgments were skipped: their query or document is not in the "
			       "collection.\n",
				with_commas(c->unknown, n));
		if (c->no_grade)
			printf("%s judgments were skipped: their grade is 0 or below.\n",
				with_commas(c->no_grade, n));
	}
	if (r->generation)
		printf("generation %llu\n", (unsigned long long)r->generation);
}

static enum code check_options(const struct options *o, struct error *e)
{
	static const char *const of_vectors[] = {
		"ids", "of", "generation", "encoder", "step", "similarity", "index", "publish"};

	for (size_t i = 0; i < sizeof of_vectors / sizeof *of_vectors; i++)
		if (options_need(o, of_vectors[i], "vectors", e))
			return e->code;
	return OK;
}

static enum code run(struct session *s, const struct options *o, struct error *e)
{
	struct files files = {0};
	struct report report = {0};

	if (check_options(o, e) || find_files(s, o, &files, e))
		return e->code;
	bool vectors = options_value(o, "vectors");
	if (!files.documents && !files.queries && !files.n_positives && !vectors)
		return error_set(e, INVALID_ARGUMENT, "USAGE",
			"There is nothing to import: name a BEIR folder, --documents, --queries, "
			"--positives or --vectors.");
	if (create(s, o->words[0], e) || import_texts(s, o->words[0], &files, &report, e))
		return e->code;
	if (vectors && import_rows(s, o, &report, e))
		return e->code;
	if (s->output == AS_TABLE)
		print_table(&report);
	else
		print_json(&report);
	return OK;
}

const struct command command_import = {
	.name = "import",
	.words = "COLLECTION [FOLDER]",
	.least = 1,
	.most = 2,
	.summary = "brings documents, queries, positives and vectors into a collection",
	.details =
		"FOLDER is a BEIR folder: corpus.jsonl, queries.jsonl and qrels/*.tsv or "
		"qrels.tsv. The\ncollection is made when it is not there; what is there under "
		"the same id is replaced. Lines of\n{\"_id\": ...} are BEIR's and may hold more "
		"than is taken; of {\"id\": ...} every key must be known.\nJudgments that name a "
		"missing query or document, or have no grade above 0, are skipped and counted.",
	.options = import_options,
	.run = run,
};
