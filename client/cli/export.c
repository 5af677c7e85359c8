/* The verb `export`: a mined set as training data. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/progress.h"
#include "client/cli/rows.h"
#include "client/cli/session.h"

static const struct option export_options[] = {
	{"format", "NAME", "n-tuple", "triplet, n-tuple, labeled-pair or labeled-list"},
	{"scores", NULL, NULL, "with the scores of positives and negatives"},
	{"ids", NULL, NULL, "ids in place of texts"},
	{"to", "FILE", "-", "where to; - is standard output"},
	{NULL},
};

struct export
{
	struct rows rows;
	FILE *to;
	uint64_t queries, total;
	struct progress progress;
};

static enum code write_failed(struct error *e)
{
	return error_set(e, errno == ENOSPC ? RESOURCE_EXHAUSTED : INTERNAL,
		errno == ENOSPC ? "DISK_FULL" : "IO_ERROR", "Could not write the rows: %s.",
		strerror(errno));
}

static struct progress_state state_of(const struct export *x)
{
	return (struct progress_state){
		x->queries, x->total ? (double)x->queries / (double)x->total : -1, -1, -1, NULL};
}

static enum code add(void *arg, const ProtobufCMessage *message, struct error *e)
{
	const Pb__MineResult *result = (const Pb__MineResult *)(const void *)message;
	struct export *x = arg;
	struct buf text;

	if (result->summary)
		return OK;
	buf_init(&text);
	rows_write(&x->rows, result, &text);
	bool failed = text.failed, short_write = false;
	if (!failed && text.len)
		short_write = fwrite(text.data, 1, text.len, x->to) != text.len;
	buf_free(&text);
	if (failed)
		return error_memory(e);
	if (short_write)
		return write_failed(e);
	x->queries++;
	struct progress_state state = state_of(x);
	progress_show(&x->progress, &state);
	return OK;
}

/* n-tuples need the number that was asked for, which is the recipe's. */
static enum code open_set(
	struct session *s, const struct options *o, struct export *x, struct error *e)
{
	Pb__GetMinedSetRequest request = PB__GET_MINED_SET_REQUEST__INIT;
	Pb__MinedSet *set;

	request.collection = o->words[0];
	request.name = o->words[1];
	if (session_ask(s, "GetMinedSet", &request.base, &set, e))
		return e->code;
	if (!set->complete || !set->summary || !set->summary->recipe)
		return error_set(e, FAILED_PRECONDITION, "MINED_SET_INCOMPLETE",
			"The set \"%s\" is still being mined by job %s; `hardminer jobs watch` "
			"waits "
			"for it.",
			o->words[1], set->job_id ? set->job_id : "unknown");
	const Pb__MineNegativesRequest *recipe = set->summary->recipe;
	x->total = set->queries;
	x->rows.num_negatives = recipe->num_negatives;
	x->rows.anchor_only = recipe->has_anchor && recipe->anchor == PB__ANCHOR__ANCHOR_EACH;
	return OK;
}

static enum code stream(
	struct session *s, const struct options *o, struct export *x, struct error *e)
{
	Pb__ReadMinedSetRequest request = PB__READ_MINED_SET_REQUEST__INIT;

	request.collection = o->words[0];
	request.name = o->words[1];
	request.has_include_text = 1;
	request.include_text = !x->rows.ids;
	progress_begin(&x->progress, "exporting", s->quiet);
	enum code code = hm_stream(
		s->client, "ReadMinedSet", &request.base, &pb__mine_result__descriptor, add, x, e);
	if (!code && fflush(x->to))
		code = write_failed(e);
	struct progress_state state = state_of(x);
	if (code)
		progress_clear(&x->progress);
	else
		progress_end(&x->progress, &state);
	return code;
}

/* Writes beside the file and renames, so that half an export never looks like a whole one. */
static enum code to_file(struct session *s, const struct options *o, const char *path,
	struct export *x, struct error *e)
{
	const char *aside = arena_printf(&s->arena, "%s.part", path);

	if (!aside)
		return error_memory(e);
	x->to = fopen(aside, "we");
	if (!x->to)
		return error_set(e, INTERNAL, "IO_ERROR", "Could not create %s: %s.", aside,
			strerror(errno));
	enum code code = stream(s, o, x, e);
	bool closed = !fclose(x->to);
	if (!code && (!closed || rename(aside, path)))
		code = write_failed(e);
	if (code)
		unlink(aside);
	return code;
}

/* On stderr: stdout may be carrying the rows. */
static void report(const struct session *s, const struct export *x)
{
	char n[64];

	if (s->output != AS_TABLE) {
		fprintf(stderr,
			"{\"queries\":%llu,\"rows\":%llu,\"left_out\":%llu,\"failed\":%llu,"
			"\"unscored\":%llu}\n",
			(unsigned long long)x->queries, (unsigned long long)x->rows.written,
			(unsigned long long)x->rows.left_out, (unsigned long long)x->rows.failed,
			(unsigned long long)x->rows.unscored);
		return;
	}
	fprintf(stderr, "%s of %s", counted(x->rows.written, "row", "rows", n),
		row_formats[x->rows.format]);
	fprintf(stderr, " from %s\n", counted(x->queries, "query", "queries", n));
	if (x->rows.left_out)
		fprintf(stderr, "%s gave no row: too few negatives\n",
			counted(x->rows.left_out, "positive", "positives", n));
	if (x->rows.failed)
		fprintf(stderr, "%s failed when mined\n",
			counted(x->rows.failed, "query", "queries", n));
	if (x->rows.unscored)
		fprintf(stderr, "%s scores are null: random negatives have none\n",
			with_commas(x->rows.unscored, n));
}

static enum code run(struct session *s, const struct options *o, struct error *e)
{
	const char *path = options_value(o, "to");
	struct export x = {.to = stdout};
	size_t format;

	if (options_choice(o, "format", row_formats, &format, e))
		return e->code;
	x.rows.format = (enum row_format)format;
	x.rows.scores = options_has(o, "scores");
	x.rows.ids = options_has(o, "ids");
	if (open_set(s, o, &x, e))
		return e->code;
	if (strcmp(path, "-") ? to_file(s, o, path, &x, e) : stream(s, o, &x, e))
		return e->code;
	report(s, &x);
	return OK;
}

const struct command command_export = {
	.name = "export",
	.words = "COLLECTION NAME",
	.least = 2,
	.most = 2,
	.summary = "writes a mined set as training data, JSON lines",
	.details =
		"Columns are those of sentence-transformers: anchor, positive, negative (triplet), "
		"negative_1 ...\n(n-tuple; rows with fewer negatives than asked for are left out), "
		"label (labeled-pair), labels\n(labeled-list). With --scores: scores, or score in "
		"place of label.",
	.options = export_options,
	.run = run,
};
