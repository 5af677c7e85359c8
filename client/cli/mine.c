/* The verb `mine`: one request's queries, or every query of the collection into a stored set. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/lines.h"
#include "client/cli/results.h"
#include "client/cli/whole.h"
#include "proto/json.h"

/* Every scalar of MineNegativesRequest that shapes the answer; a test holds it equal to the schema. */
static const struct option mine_options[] = {
	{"query", "TEXT", NULL, "a query's own text", OPTION_MANY},
	{"positive", "ID", NULL, "a document relevant to --query", OPTION_MANY},
	{"id", "ID", NULL, "a query of the collection", OPTION_MANY},
	{"queries", "FILE", NULL, "queries of the collection, an id a line; - for stdin"},
	{"all", NULL, NULL, "every query that has a positive"},
	{"name", "NAME", NULL, "the same, and keep the set under this name for `export`"},
	{"detach", NULL, NULL, "with --name: print the job and do not wait for it"},
	{"show", "N", "10", "how many queries a table shows"},
	{"recipe", "FILE", NULL, "begin with this recipe: JSON as an answer's summary has it"},
	{"strategy", "NAME", "margin", "strategy or preset; + composes: margin+bm25", OPTION_FIELD},
	{"num-negatives", "N", "3", "negatives a query", OPTION_FIELD},
	{"seed", "N", "0", "the same seed, the same negatives", OPTION_FIELD},
	{"generation", "N", NULL, "instead of the serving one", OPTION_FIELD},
	{"explain", NULL, NULL, "every candidate with its ranks and verdict", OPTION_FIELD},
	{"include-text", NULL, NULL, "texts beside ids (a table has them anyway)", OPTION_FIELD},
	{"scorer", "NAME", NULL, "dense, bm25, given or none", OPTION_FIELD},
	{"fusion", "NAME", NULL, "union or rrf, of several sources", OPTION_FIELD},
	{"rrf-k", "N", "60", "the constant of rrf", OPTION_FIELD},
	{"exclude-duplicates", NULL, NULL, "drop copies of positives and of the query",
		OPTION_FIELD},
	{"exclude-groups", NULL, NULL, "drop documents of a positive's or the query's group",
		OPTION_FIELD},
	{"anchor", "NAME", NULL, "margin from: min, max, mean, first, random or each positive",
		OPTION_FIELD},
	{"strict", NULL, NULL, "a score equal to a threshold is rejected", OPTION_FIELD},
	{"max-score", "S", NULL, "keep s <= S", OPTION_FIELD},
	{"min-score", "S", NULL, "keep s >= S", OPTION_FIELD},
	{"absolute-margin", "M", NULL, "keep s <= p - M", OPTION_FIELD},
	{"relative-margin", "M", NULL, "keep s <= p - |p| * M", OPTION_FIELD},
	{"semi-hard-margin", "M", NULL, "keep p - M < s < p", OPTION_FIELD},
	{"rank-base", "NAME", NULL, "ranks count raw, negatives or survivors", OPTION_FIELD},
	{"range-min", "N", NULL, "first rank of the window, from 0", OPTION_FIELD},
	{"range-max", "N", NULL, "first rank past it", OPTION_FIELD},
	{"sampling-strategy", "NAME", NULL, "top or random", OPTION_FIELD},
	{"shortfall", "NAME", NULL, "too few: partial, drop, random_fill or error", OPTION_FIELD},
	{"depth", "N", NULL, "candidates asked of a ranked source at first", OPTION_FIELD},
	{"max-depth", "N", NULL, "and at most, when it deepens", OPTION_FIELD},
	{"nprobe", "N", NULL, "lists that lists<n> or a FAISS IVF index looks into", OPTION_FIELD},
	{"ef-search", "N", NULL, "queue of a FAISS HNSW graph", OPTION_FIELD},
	{NULL},
};

/* The queries of one request, in the session's arena. */
struct ask {
	Pb__MineQuery **queries;
	size_t n, room;
};

static Pb__MineQuery *add(struct session *s, struct ask *a)
{
	Pb__MineQuery *query = arena_alloc(&s->arena, sizeof *query);

	if (a->n == a->room) {
		size_t room = a->room ? a->room * 2 : 64;
		Pb__MineQuery **queries = arena_array(&s->arena, room, sizeof *queries);
		if (!queries)
			return NULL;
		if (a->n)
			memcpy(queries, a->queries, a->n * sizeof *queries);
		a->queries = queries;
		a->room = room;
	}
	if (!query)
		return NULL;
	pb__mine_query__init(query);
	a->queries[a->n++] = query;
	return query;
}

static enum code add_id(struct session *s, struct ask *a, const char *id, struct error *e)
{
	Pb__MineQuery *query = add(s, a);

	if (query)
		query->id = arena_strdup(&s->arena, id);
	return query && query->id ? OK : error_memory(e);
}

static enum code add_file(struct session *s, struct ask *a, const char *path, struct error *e)
{
	struct lines l;
	bool more = true;
	enum code code = lines_open(&l, path, e);

	while (!code && more) {
		code = lines_next(&l, &more, e);
		if (!code && more)
			code = add_id(s, a, l.text, e);
	}
	lines_close(&l);
	return code;
}

/* Values of an option that may be repeated. */
static const char **values(struct session *s, const struct options *o, const char *name, size_t *n)
{
	const char **all = arena_array(&s->arena, o->n_given + 1, sizeof *all);

	*n = 0;
	for (size_t i = 0; all && i < o->n_given; i++)
		if (!strcmp(o->given[i].option->name, name))
			all[(*n)++] = o->given[i].value;
	return all;
}

static enum code collect(struct session *s, const struct options *o, struct ask *a, struct error *e)
{
	size_t n_texts, n_ids, n_positives;
	const char **texts = values(s, o, "query", &n_texts), **ids = values(s, o, "id", &n_ids);
	const char **positives = values(s, o, "positive", &n_positives);
	const char *file = options_value(o, "queries");

	if (!texts || !ids || !positives)
		return error_memory(e);
	for (size_t i = 0; i < n_texts; i++) {
		Pb__MineQuery *query = add(s, a);
		if (!query)
			return error_memory(e);
		query->text = texts[i];
		query->positives = positives;
		query->n_positives = n_positives;
	}
	for (size_t i = 0; i < n_ids; i++)
		if (add_id(s, a, ids[i], e))
			return e->code;
	return file ? add_file(s, a, file, e) : OK;
}

/* The recipe's file, if any, with the options on top of it. */
static enum code recipe(
	struct session *s, const struct options *o, Pb__MineNegativesRequest **out, struct error *e)
{
	const char *path = options_value(o, "recipe");
	ProtobufCMessage *m = arena_alloc(&s->arena, sizeof(Pb__MineNegativesRequest));

	if (!m)
		return error_memory(e);
	pb__mine_negatives_request__init((Pb__MineNegativesRequest *)(void *)m);
	if (path) {
		struct buf text;
		enum code code = read_whole(path, &text, e);
		if (!code)
			code = json_read(text.data, text.len,
				&pb__mine_negatives_request__descriptor, &s->arena, &m, e);
		buf_free(&text);
		if (code)
			return error_prefix(e, "%s: ", path);
	}
	Pb__MineNegativesRequest *request = (Pb__MineNegativesRequest *)(void *)m;
	request->collection = o->words[0];
	if (session_fields(s, o, m, e))
		return e->code;
	*out = request;
	return OK;
}

static enum code mine_now(
	struct session *s, const Pb__MineNegativesRequest *request, uint64_t show, struct error *e)
{
	struct results results;

	results_begin(&results, s, show);
	results.total = request->n_queries;
	enum code code = hm_stream(s->client, "MineNegativesStream", &request->base,
		&pb__mine_result__descriptor, results_add, &results, e);
	results_end(&results);
	return code;
}

/* Prints a stored set that took `seconds` to mine. */
static enum code print_set(struct session *s, const Pb__ReadMinedSetRequest *request, uint64_t show,
	double seconds, struct error *e)
{
	struct results results;

	results_begin(&results, s, show);
	results.seconds = seconds;
	enum code code = hm_stream(s->client, "ReadMinedSet", &request->base,
		&pb__mine_result__descriptor, results_add, &results, e);
	results_end(&results);
	return code;
}

/* A set that was kept is there to be exported: programs get its record alone. */
static enum code print_record(
	struct session *s, const char *collection, const char *name, struct error *e)
{
	Pb__GetMinedSetRequest request = PB__GET_MINED_SET_REQUEST__INIT;
	Pb__MinedSet *set;

	request.collection = collection;
	request.name = name;
	if (session_ask(s, "GetMinedSet", &request.base, &set, e))
		return e->code;
	return session_print(s, &set->base, stdout, e);
}

static enum code delete_set(
	struct session *s, const char *collection, const char *name, struct error *e)
{
	Pb__DeleteMinedSetRequest request = PB__DELETE_MINED_SET_REQUEST__INIT;
	Pb__DeleteMinedSetResponse *answer;

	request.collection = collection;
	request.name = name;
	return session_ask(s, "DeleteMinedSet", &request.base, &answer, e);
}

static enum code read_set(struct session *s, const struct options *o, const char *name,
	const Pb__Job *job, uint64_t show, struct error *e)
{
	Pb__ReadMinedSetRequest request = PB__READ_MINED_SET_REQUEST__INIT;

	if (options_has(o, "name") && s->output != AS_TABLE)
		return print_record(s, o->words[0], name, e);
	request.collection = o->words[0];
	request.name = name;
	request.has_include_text = 1;
	request.include_text = s->output == AS_TABLE || options_has(o, "include-text");
	return print_set(
		s, &request, show, (double)(job->finished_at_ms - job->started_at_ms) / 1000, e);
}

static enum code mine_set(struct session *s, const struct options *o,
	Pb__MineNegativesRequest *mine, uint64_t show, struct error *e)
{
	Pb__MineCollectionRequest request = PB__MINE_COLLECTION_REQUEST__INIT;
	const char *kept = options_value(o, "name");
	struct error second;
	Pb__Job *job;

	request.collection = o->words[0];
	request.name = kept ? kept : arena_printf(&s->arena, "cli-%ld", (long)getpid());
	request.mine = mine;
	mine->collection = NULL;
	if (!request.name)
		return error_memory(e);
	if (session_ask(s, "MineCollection", &request.base, &job, e))
		return e->code;
	if (options_has(o, "detach"))
		return session_print_job(s, job, e);
	enum code code = session_watch(s, job, &job, e);
	if (!code)
		code = read_set(s, o, request.name, job, show, e);
	if (!kept && delete_set(s, o->words[0], request.name, code ? &second : e) && !code)
		code = e->code;
	return code;
}

static enum code run(struct session *s, const struct options *o, struct error *e)
{
	Pb__MineNegativesRequest *request;
	struct ask ask = {0};
	uint64_t show = 0;

	if (options_need(o, "positive", "query", e) || options_need(o, "detach", "name", e) ||
		options_number(o, "show", UINT64_MAX, &show, e) || recipe(s, o, &request, e) ||
		collect(s, o, &ask, e))
		return e->code;
	bool whole = options_has(o, "all") || options_has(o, "name");
	if (whole == (ask.n > 0))
		return error_set(e, INVALID_ARGUMENT, "USAGE",
			"Say what to mine for: --query, --id and --queries, or --all or --name.");
	if (whole)
		return mine_set(s, o, request, show, e);
	request->queries = ask.queries;
	request->n_queries = ask.n;
	if (s->output == AS_TABLE)
		request->has_include_text = request->include_text = 1;
	return mine_now(s, request, show, e);
}

const struct command command_mine = {
	.name = "mine",
	.words = "COLLECTION",
	.least = 1,
	.most = 1,
	.summary = "finds hard negatives: for some queries now, or for all into a stored set",
	.details =
		"Options in the words of the recipe override the strategy; a switch is turned off "
		"by =false.\nIn a margin, p is the score of the positive and s the candidate's.",
	.options = mine_options,
	.run = run,
};
