#include "client/cli/results.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/cli/table.h"

enum { ID_CELLS = 32, TITLE_CELLS = 100, OTHER_CELLS = 62, TEXT_CELLS = 60, TEXT_CELLS_LEAST = 16 };

/* What a terminal's line leaves for a document's text, so that no row wraps. */
static unsigned text_cells(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return TEXT_CELLS;
	return size.ws_col > OTHER_CELLS + TEXT_CELLS_LEAST ? size.ws_col - OTHER_CELLS
							    : TEXT_CELLS_LEAST;
}

/* An enum's name as JSON has it: SOURCE_KIND_DENSE without "SOURCE_KIND_", in lower case. */
static void enum_text(
	const ProtobufCEnumDescriptor *type, int value, const char *prefix, char to[32])
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(type, value);

	snprintf(to, 32, "%s", v ? v->name + strlen(prefix) : "?");
	for (char *c = to; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
}

static void score_text(bool has, double score, char to[32])
{
	if (has)
		snprintf(to, 32, "%.4f", score);
	else
		snprintf(to, 32, "-");
}

/* What is searched begins with the title, which is often the id that stands beside it already. */
static const char *without_id(const char *text, const char *id)
{
	size_t len = strlen(id);

	return text && len && !strncmp(text, id, len) && text[len] == ' ' ? text + len + 1 : text;
}

static void add_positive(struct table *t, const Pb__ScoredPositive *p)
{
	char score[32];

	score_text(p->has_score, p->score, score);
	table_row(t, (const char *[]){"  +", p->document_id, score, "", "",
			     without_id(p->text, p->document_id)});
}

static void add_negative(struct table *t, const Pb__Negative *n)
{
	char score[32], rank[32] = "", source[32] = "";

	score_text(n->has_score, n->score, score);
	if (n->has_rank)
		snprintf(rank, sizeof rank, "#%u", n->rank);
	if (n->has_source)
		enum_text(&pb__source_kind__descriptor, (int)n->source, "SOURCE_KIND_", source);
	table_row(t, (const char *[]){"  -", n->document_id, score, rank, source,
			     without_id(n->text, n->document_id)});
}

/* Prints "12 group, 3 positive"; what counts nothing is left out. */
static void print_rejected(const Pb__Rejected *rejected)
{
	const ProtobufCMessageDescriptor *type = &pb__rejected__descriptor;
	const char *separator = "";

	for (unsigned i = 0; i < type->n_fields; i++) {
		uint64_t n;
		char text[32];
		memcpy(&n, (const char *)rejected + type->fields[i].offset, sizeof n);
		if (!n)
			continue;
		printf("%s%s %s", separator, with_commas(n, text), type->fields[i].name);
		separator = ", ";
	}
	puts(*separator ? "" : "nothing");
}

static void print_title(const Pb__MineResult *r)
{
	bool bold = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	char *id = r->query_id ? text_clean(r->query_id, ID_CELLS) : NULL;
	char *text = r->text ? text_clean(r->text, TITLE_CELLS) : NULL;

	printf("%s%s%s%s%s\n", bold ? "\033[1m" : "", id ? id : "", id && text ? "  " : "",
		text ? text : "", bold ? "\033[0m" : "");
	free(id);
	free(text);
}

static void print_block(const Pb__MineResult *r)
{
	const struct column columns[] = {{"", 0, false}, {"", ID_CELLS, false}, {"", 0, true},
		{"", 0, true}, {"", 0, false}, {"", text_cells(), false}, {0}};
	struct table t;

	print_title(r);
	if (r->error) {
		printf("  failed: %s\n\n",
			r->error->message ? r->error->message : "no reason given");
		return;
	}
	table_begin(&t, columns);
	for (size_t i = 0; i < r->n_positives; i++)
		add_positive(&t, r->positives[i]);
	for (size_t i = 0; i < r->n_negatives; i++)
		add_negative(&t, r->negatives[i]);
	table_end(&t, stdout);
	if (r->rejected) {
		printf("  of %u candidates, not chosen: ", r->candidates);
		print_rejected(r->rejected);
	}
	putchar('\n');
}

void results_begin(struct results *r, struct session *s, uint64_t show)
{
	*r = (struct results){.s = s, .show = show, .began = seconds_now()};
	progress_begin(&r->progress, "mining", s->quiet || s->output == AS_NDJSON);
	if (s->output == AS_JSON)
		fputs("{\n\"results\": [", stdout);
}

static struct progress_state state_of(const struct results *r)
{
	return (struct progress_state){
		r->seen, r->total ? (double)r->seen / (double)r->total : -1, -1, -1, NULL};
}

static enum code add_summary(struct results *r, const Pb__MineResult *result, struct error *e)
{
	struct progress_state state = state_of(r);

	state.share = 1;
	progress_end(&r->progress, &state);
	if (r->s->output == AS_NDJSON)
		return session_print(r->s, &result->base, stdout, e);
	if (r->s->output == AS_JSON) {
		fputs("],\n\"summary\": ", stdout);
		enum code code = session_print(r->s, &result->summary->base, stdout, e);
		puts("}");
		return code;
	}
	if (r->seen > r->show)
		printf("... and %llu more\n\n", (unsigned long long)(r->seen - r->show));
	results_summary(result->summary, r->seconds > 0 ? r->seconds : seconds_now() - r->began);
	return OK;
}

enum code results_add(void *arg, const ProtobufCMessage *message, struct error *e)
{
	struct results *r = arg;
	const Pb__MineResult *result = (const Pb__MineResult *)(const void *)message;

	if (result->summary)
		return add_summary(r, result, e);
	struct progress_state state = state_of(r);
	progress_show(&r->progress, &state);
	if (r->seen++ && r->s->output == AS_JSON)
		fputs(",\n", stdout);
	if (r->s->output != AS_TABLE)
		return session_print(r->s, message, stdout, e);
	if (r->seen <= r->show) {
		progress_wipe(&r->progress);
		print_block(result);
	}
	return OK;
}

void results_end(struct results *r)
{
	progress_clear(&r->progress);
}

static void number_text(double n, char to[32])
{
	snprintf(to, 32, "%.4f", n);
}

static void print_scores(const Pb__ScoreStatistics *s)
{
	static const struct column columns[] = {{"scores", 0, false}, {"mean", 0, true},
		{"std", 0, true}, {"min", 0, true}, {"25%", 0, true}, {"median", 0, true},
		{"75%", 0, true}, {"max", 0, true}, {0}};
	const Pb__Distribution *rows[] = {s->positive, s->negative, s->difference};
	const char *names[] = {"positive", "negative", "difference"};
	struct table t;

	table_begin(&t, columns);
	for (int i = 0; i < 3; i++) {
		const Pb__Distribution *d = rows[i];
		char cell[7][32];
		if (!d || !d->count)
			continue;
		const double values[] = {
			d->mean, d->std, d->min, d->q25, d->median, d->q75, d->max};
		for (int c = 0; c < 7; c++)
			number_text(values[c], cell[c]);
		table_row(&t, (const char *[]){names[i], cell[0], cell[1], cell[2], cell[3],
				      cell[4], cell[5], cell[6]});
	}
	table_end(&t, stdout);
}

static void print_speed(const Pb__MineSummary *m, double seconds)
{
	char queries[64], negatives[64], rate[32];

	printf("%s, %s", counted(m->queries, "query", "queries", queries),
		counted(m->negatives, "negative", "negatives", negatives));
	if (seconds > 0)
		printf(" in %.2f s: %s queries/s", seconds,
			with_commas((uint64_t)((double)m->queries / seconds + .5), rate));
	if (m->has_generation)
		printf(" (generation %llu, %s)", (unsigned long long)m->generation,
			m->encoder ? m->encoder : "no encoder");
	putchar('\n');
}

void results_summary(const Pb__MineSummary *m, double seconds)
{
	char candidates[32];

	print_speed(m, seconds);
	if (m->queries_short || m->queries_dropped || m->queries_failed)
		printf("queries with fewer negatives than asked for: %llu; dropped for it: %llu; "
		       "failed: %llu\n",
			(unsigned long long)m->queries_short,
			(unsigned long long)m->queries_dropped,
			(unsigned long long)m->queries_failed);
	if (m->rejected) {
		printf("of %s candidates, not chosen: ", with_commas(m->candidates, candidates));
		print_rejected(m->rejected);
	}
	if (m->scores && m->scores->positive && m->scores->positive->count)
		print_scores(m->scores);
}
