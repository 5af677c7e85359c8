/*
 * One pass over the rows fills what grows with them: ids and groups as dictionaries, whose numbers
 * are the documents' and the groups' own, contents, and the BM25 builder. Then what needs all of
 * them: the order of ids, and documents sorted by each kind of content hash, for lookups by halving.
 *
 * With a corpus from before, all that starts as a copy of it, and only rows that were replaced or came
 * since are read; the sorted lists take them in. A building at once is one that starts from nothing.
 *
 * With an index that was kept in a file, rows are read at first without their texts, which is most of
 * what there is to read, and all but the index is made of them. The file has what each document said: where
 * the row's hash is another, or there was none, the text is read as well. So it does not matter what the
 * file is of, or how old: an older state of the collection, a state that a crash or a backup took back,
 * or another collection. Only a file with more documents than there are is of no use: none is taken away.
 */
#include "storage/corpus.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/corpus_private.h"
#include "storage/sorted.h"
#include "storage/text/array.h"
#include "storage/text/bm25_file.h"

static const struct bm25_options options = {0.9, 0.4, NULL};

struct build {
	struct corpus *c;
	const struct corpus *before; /* NULL: none */
	struct bm25_kept kept;	     /* n 0: nothing */
	uint32_t *changed;	     /* of its documents, those that say something else */
	size_t n_changed;
	bool at_once;
	struct bm25_builder *bm25;
	struct stop *stop;
	size_t group_cap, content_cap;
	bool *replaced;	 /* a document of before: it says something else now */
	uint32_t *fresh; /* room for documents that are to be sorted in */
};

static enum code copy(struct build *b, struct error *e)
{
	struct corpus *c = b->c;
	const struct corpus *before = b->before;
	size_t n = before->n;

	b->replaced = array_new(n, sizeof *b->replaced);
	if (!b->replaced || !terms_copy(&c->private->ids, &before->private->ids, b->stop) ||
		!terms_copy(&c->private->groups, &before->private->groups, b->stop) ||
		!array_grow(&c->group, &b->group_cap, n, sizeof *c->group) ||
		!array_grow(&c->content, &b->content_cap, n, sizeof *c->content))
		return stop_or_memory(b->stop, e);
	if (!stop_copy(b->stop, c->group, before->group, n * sizeof *c->group) ||
		!stop_copy(b->stop, c->content, before->content, n * sizeof *c->content))
		return stop_or_memory(b->stop, e);
	c->n = before->n;
	return OK;
}

/* Of what the index is made that comes next. */
static enum code begin_index(struct build *b, const struct bm25 *after, struct error *e)
{
	b->bm25 = after ? bm25_builder_after(after) : bm25_builder_new(&options);
	if (!b->bm25)
		return error_memory(e);
	bm25_builder_stop(b->bm25, b->stop);
	return OK;
}

static enum code load_kept(struct build *b, const char *path, struct error *e)
{
	if (bm25_load(path, &options, b->stop, &b->kept)) {
		b->changed = array_new(b->kept.n, sizeof *b->changed);
		return b->changed ? OK : error_memory(e);
	}
	/* or it was given up: then so are the rows */
	b->c->made_anew = access(path, F_OK)
				  ? "It has no file yet."
				  : "Its file is damaged or of another version, or cannot be read.";
	return OK;
}

static enum code start(struct build *b, const char *kept, struct error *e)
{
	b->c = array_new(1, sizeof *b->c);
	if (b->c)
		b->c->private = array_new(1, sizeof *b->c->private);
	if (!b->c || !b->c->private)
		return error_memory(e);
	if (b->before)
		return begin_index(b, b->before->bm25, e) ? e->code : copy(b, e);
	if (kept && load_kept(b, kept, e))
		return e->code;
	return begin_index(b, b->kept.index, e);
}

static void corpus_free(struct corpus *c)
{
	if (!c)
		return;
	if (c->private) {
		terms_free(&c->private->ids);
		terms_free(&c->private->groups);
		free(c->private->by_whole);
		free(c->private->by_text);
		free(c->private);
	}
	bm25_free(c->bm25);
	free(c->id);
	free(c->order);
	free(c->group);
	free(c->content);
	free(c);
}

static enum code number_group(struct corpus *c, const char *name, uint32_t *out, struct error *e)
{
	*out = 0;
	if (!name)
		return OK;
	uint32_t number = terms_add(&c->private->groups, name, strlen(name));
	if (number == NO_TERM)
		return error_memory(e);
	*out = number + 1;
	return OK;
}

/* Puts the document behind the others; n counts it once it is whole. */
static enum code keep(struct build *b, const struct document_row *row, struct error *e)
{
	struct corpus *c = b->c;
	uint32_t group;

	if (number_group(c, row->group, &group, e))
		return e->code;
	if (!array_grow(&c->group, &b->group_cap, (size_t)c->n + 1, sizeof *c->group) ||
		!array_grow(&c->content, &b->content_cap, (size_t)c->n + 1, sizeof *c->content))
		return error_memory(e);
	c->group[c->n] = group;
	c->content[c->n] = row->content;
	uint32_t number = terms_add(&c->private->ids, row->id, strlen(row->id) + 1);
	if (number == NO_TERM)
		return error_memory(e);
	if (number != c->n || row->number != c->n)
		return error_set(e, DATA_LOSS, "DATABASE_DAMAGED",
			"Document number %u is missing or there twice; restore the database from a "
			"backup.",
			c->n);
	c->n++;
	return OK;
}

static enum code index_row(struct build *b, const struct document_row *row, struct error *e)
{
	b->c->indexed++;
	return bm25_builder_put(b->bm25, row->number, row->title, row->text, e);
}

static enum code visit_new(void *arg, const struct document_row *row, struct error *e)
{
	struct build *b = arg;

	if (stop_now(b->stop))
		return stop_or_memory(b->stop, e);
	return keep(b, row, e) ? e->code : index_row(b, row, e);
}

/* Nothing and nothing too, unlike hash128_equal. */
static bool identical(struct hash128 a, struct hash128 b)
{
	return a.low == b.low && a.high == b.high;
}

/* What says the same has the same words: its place in the index stays. */
static enum code visit_replaced(void *arg, const struct document_row *row, struct error *e)
{
	struct build *b = arg;
	struct content *content = &b->c->content[row->number], was = *content;

	if (stop_now(b->stop))
		return stop_or_memory(b->stop, e);
	if (number_group(b->c, row->group, &b->c->group[row->number], e))
		return e->code;
	*content = row->content;
	b->replaced[row->number] = !identical(was.whole, row->content.whole) ||
				   !identical(was.text, row->content.text);
	return identical(was.whole, row->content.whole) ? OK : index_row(b, row, e);
}

/* Of a row without its text: whether that is what it was. */
static enum code visit_known(void *arg, const struct document_row *row, struct error *e)
{
	struct build *b = arg;

	if (stop_now(b->stop))
		return stop_or_memory(b->stop, e);
	if (row->number < b->kept.n && !identical(b->kept.said[row->number], row->content.whole))
		b->changed[b->n_changed++] = row->number;
	return keep(b, row, e);
}

static enum code visit_text(void *arg, const struct document_row *row, struct error *e)
{
	struct build *b = arg;

	return stop_now(b->stop) ? stop_or_memory(b->stop, e) : index_row(b, row, e);
}

static bool kept_will_do(const struct build *b)
{
	if (b->at_once && (!bm25_at_once(b->kept.index) || b->n_changed))
		return false;
	return b->at_once ? b->kept.n == b->c->n : b->kept.n <= b->c->n;
}

/* All texts are read, as if nothing had been kept. */
static enum code forget_kept(struct build *b, struct error *e)
{
	if (b->kept.n > b->c->n)
		b->c->made_anew = "Its file is of documents that are not there.";
	bm25_builder_free(b->bm25);
	bm25_kept_free(&b->kept);
	b->n_changed = 0;
	return begin_index(b, NULL, e);
}

static enum code visit_kept(struct build *b, sqlite3 *reader, int64_t collection, struct error *e)
{
	if (documents_each(reader, collection, 0, false, visit_known, b, e) ||
		(!kept_will_do(b) && forget_kept(b, e)) ||
		documents_some(reader, collection, b->changed, b->n_changed, visit_text, b, e))
		return e->code;
	return documents_each(reader, collection, b->kept.n, true, visit_text, b, e);
}

static enum code visit_rows(struct build *b, sqlite3 *reader, int64_t collection, struct error *e)
{
	uint32_t n = b->c->n;

	if (b->kept.index)
		return visit_kept(b, reader, collection, e);
	if (b->before && documents_replaced(reader, collection, n, b->before->documents_revision,
				 visit_replaced, b, e))
		return e->code;
	return documents_each(reader, collection, n, true, visit_new, b, e);
}

/* The reader goes back before anything is indexed: that may take long. */
static enum code read_rows(
	struct build *b, struct database *db, int64_t collection, struct error *e)
{
	sqlite3 *reader;

	if (database_read(db, &reader, e))
		return e->code;
	enum code rc = visit_rows(b, reader, collection, e);
	database_read_done(db, reader);
	return rc;
}

static int by_id(const void *a, const void *b, void *corpus)
{
	const struct corpus *c = corpus;

	return strcmp(c->id[*(const uint32_t *)a], c->id[*(const uint32_t *)b]);
}

static uint32_t n_before(const struct build *b)
{
	return b->before ? b->before->n : 0;
}

/* Ids never change: the new ones are sorted in. */
static enum code order_ids(struct build *b, struct error *e)
{
	struct corpus *c = b->c;
	struct terms *ids = &c->private->ids;
	uint32_t *sorted = array_new(c->n, sizeof *sorted), known = n_before(b);

	terms_trim(ids);
	c->id = array_new(c->n, sizeof *c->id);
	c->order = array_new(c->n, sizeof *c->order);
	if (!sorted || !c->id || !c->order) {
		free(sorted);
		return error_memory(e);
	}
	bool done = true;
	for (uint32_t d = 0; done && d < c->n; d++) {
		c->id[d] = ids->pool + ids->start[d];
		if (d < known)
			sorted[b->before->order[d]] = d;
		else
			b->fresh[d - known] = d;
		done = !stop_after(b->stop, 1);
	}
	done = done && sorted_merge(sorted, known, b->fresh, c->n - known, by_id, c, b->stop);
	for (uint32_t place = 0; done && place < c->n; place++) {
		c->order[sorted[place]] = place;
		done = !stop_after(b->stop, 1);
	}
	free(sorted);
	return done ? OK : stop_or_memory(b->stop, e);
}

static int compare_numbers(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int by_whole(const void *a, const void *b, void *content)
{
	const struct content *all = content;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int difference = compare_hashes(all[x].whole, all[y].whole);

	return difference ? difference : compare_numbers(x, y);
}

static int by_text(const void *a, const void *b, void *content)
{
	const struct content *all = content;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int difference = compare_hashes(all[x].text, all[y].text);

	return difference ? difference : compare_numbers(x, y);
}

static bool says_something(struct hash128 h)
{
	return h.low | h.high;
}

/* Whether a document is in by_whole, or in by_text. */
static bool belongs(const struct content *c, bool whole)
{
	if (whole)
		return says_something(c->whole);
	return says_something(c->text) && !hash128_equal(c->whole, c->text);
}

/* A list starts as it was, but for what was replaced, and takes in what is fresh. */
static enum code sort_content(
	struct build *b, bool whole, uint32_t *list, uint32_t *length, struct error *e)
{
	struct corpus *c = b->c;
	const struct corpus_private *was = b->before ? b->before->private : NULL;
	uint32_t n = 0, m = 0, n_was = was ? (whole ? was->n_whole : was->n_text) : 0;
	const uint32_t *old = was ? (whole ? was->by_whole : was->by_text) : NULL;

	for (uint32_t i = 0; i < n_was; i++) {
		if (!b->replaced[old[i]])
			list[n++] = old[i];
		if (stop_after(b->stop, 1))
			return stop_or_memory(b->stop, e);
	}
	for (uint32_t d = 0; d < c->n; d++) {
		if ((d >= n_before(b) || b->replaced[d]) && belongs(&c->content[d], whole))
			b->fresh[m++] = d;
		if (stop_after(b->stop, 1))
			return stop_or_memory(b->stop, e);
	}
	*length = n + m;
	return sorted_merge(list, n, b->fresh, m, whole ? by_whole : by_text, c->content, b->stop)
		       ? OK
		       : stop_or_memory(b->stop, e);
}

static enum code index_content(struct build *b, struct error *e)
{
	struct corpus_private *p = b->c->private;

	p->by_whole = array_new(b->c->n, sizeof *p->by_whole);
	p->by_text = array_new(b->c->n, sizeof *p->by_text);
	if (!p->by_whole || !p->by_text)
		return error_memory(e);
	if (sort_content(b, true, p->by_whole, &p->n_whole, e) ||
		sort_content(b, false, p->by_text, &p->n_text, e))
		return e->code;
	array_trim(&p->by_whole, p->n_whole, sizeof *p->by_whole);
	array_trim(&p->by_text, p->n_text, sizeof *p->by_text);
	return OK;
}

static enum code finish(struct build *b, struct error *e)
{
	struct corpus *c = b->c;
	struct bm25_builder *bm25 = b->bm25;

	terms_trim(&c->private->groups);
	array_trim(&c->group, c->n, sizeof *c->group);
	array_trim(&c->content, c->n, sizeof *c->content);
	b->fresh = array_new(c->n, sizeof *b->fresh);
	if (!b->fresh)
		return error_memory(e);
	if (order_ids(b, e) || index_content(b, e))
		return e->code;
	b->bm25 = NULL;
	return bm25_build(bm25, c->order, &c->bm25, e);
}

enum code corpus_build(struct database *db, int64_t collection, uint64_t documents_revision,
	const struct corpus_from *from, struct stop *stop, struct corpus **out, struct error *e)
{
	struct build b = {.stop = stop};

	if (from) {
		b.before = from->before;
		b.at_once = from->at_once;
	}
	enum code code = start(&b, from ? from->kept : NULL, e);
	if (!code)
		code = read_rows(&b, db, collection, e);
	if (!code)
		code = finish(&b, e);
	bm25_builder_free(b.bm25);
	bm25_kept_free(&b.kept);
	free(b.changed);
	free(b.replaced);
	free(b.fresh);
	if (code) {
		corpus_free(b.c);
		return code;
	}
	atomic_init(&b.c->references, 1);
	b.c->collection = collection;
	b.c->documents_revision = documents_revision;
	*out = b.c;
	return OK;
}

struct corpus *corpus_acquire(struct corpus *c)
{
	atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
	return c;
}

struct corpus *corpus_release(struct corpus *c)
{
	if (c && atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) == 1)
		corpus_free(c);
	return NULL;
}

enum code corpus_keep(const struct corpus *c, const char *path, struct stop *stop, struct error *e)
{
	struct hash128 *said = array_new(c->n, sizeof *said);
	const struct bm25_kept k = {c->bm25, said, c->n};

	if (!said)
		return error_memory(e);
	for (uint32_t d = 0; d < c->n; d++)
		said[d] = c->content[d].whole;
	enum code rc = bm25_save(&k, path, stop, e);
	free(said);
	return rc;
}
