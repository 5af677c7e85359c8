/* Documents and queries: records collected into messages, messages into one stream. */
#include <string.h>

#include "client/cli/import.h"
#include "client/cli/progress.h"
#include "client/cli/records.h"

/* What differs between the two. */
struct kind {
	const char *what, *operation;
	enum code (*read)(const struct lines *l, struct arena *arena, void **item, struct error *e);
	enum code (*send)(struct hm_upload *upload, const char *collection, void **items, size_t n,
		struct error *e);
};

static enum code read_document(
	const struct lines *l, struct arena *arena, void **item, struct error *e)
{
	Pb__Document *document;

	if (record_document(l, arena, &document, e))
		return e->code;
	*item = document;
	return OK;
}

static enum code send_documents(
	struct hm_upload *upload, const char *collection, void **items, size_t n, struct error *e)
{
	Pb__UpsertDocumentsRequest request = PB__UPSERT_DOCUMENTS_REQUEST__INIT;

	request.collection = collection;
	request.documents = (Pb__Document **)items;
	request.n_documents = n;
	return hm_upload_send(upload, &request.base, e);
}

static enum code read_query(
	const struct lines *l, struct arena *arena, void **item, struct error *e)
{
	Pb__Query *query;

	if (record_query(l, arena, &query, e))
		return e->code;
	*item = query;
	return OK;
}

static enum code send_queries(
	struct hm_upload *upload, const char *collection, void **items, size_t n, struct error *e)
{
	Pb__UpsertQueriesRequest request = PB__UPSERT_QUERIES_REQUEST__INIT;

	request.collection = collection;
	request.queries = (Pb__Query **)items;
	request.n_queries = n;
	return hm_upload_send(upload, &request.base, e);
}

static const struct kind documents = {
	"documents", "UploadDocuments", read_document, send_documents};
static const struct kind queries = {"queries", "UploadQueries", read_query, send_queries};

struct import {
	const struct kind *kind;
	const char *collection;
	struct lines lines;
	struct hm_upload *upload;
	struct progress progress;
	uint64_t items;
};

static struct progress_state state_of(const struct import *in)
{
	uint64_t size = in->lines.size;

	return (struct progress_state){
		.items = in->items,
		.share = size ? (double)in->lines.read / (double)size : -1,
		.rate = -1,
		.eta = -1,
	};
}

/* Reads and sends one message; *more false when the file has ended. */
static enum code one_message(struct import *in, struct arena *arena, bool *more, struct error *e)
{
	void *items[MESSAGE_ITEMS];
	uint64_t begin = in->lines.read;
	size_t n = 0;

	while (n < MESSAGE_ITEMS && in->lines.read - begin < MESSAGE_BYTES) {
		if (lines_next(&in->lines, more, e))
			return e->code;
		if (!*more)
			break;
		if (in->kind->read(&in->lines, arena, &items[n], e))
			return lines_at(&in->lines, e);
		n++;
	}
	in->items += n;
	return n ? in->kind->send(in->upload, in->collection, items, n, e) : OK;
}

static enum code every_message(struct import *in, struct error *e)
{
	bool more = true;

	while (more) {
		struct arena arena;
		arena_init(&arena, MESSAGE_MEMORY);
		enum code code = one_message(in, &arena, &more, e);
		arena_free(&arena);
		if (code)
			return code;
		struct progress_state state = state_of(in);
		progress_show(&in->progress, &state);
	}
	return OK;
}

static enum code finish(
	struct session *s, struct import *in, struct import_counts *counts, struct error *e)
{
	ProtobufCMessage *answer;

	if (hm_upload_finish(in->upload, &pb__upsert_response__descriptor, &s->arena, &answer, e))
		return e->code;
	const Pb__UpsertResponse *r = (const Pb__UpsertResponse *)(const void *)answer;
	counts->created = r->created;
	counts->updated = r->updated;
	counts->unchanged = r->unchanged;
	struct progress_state state = state_of(in);
	state.share = 1;
	progress_end(&in->progress, &state);
	return OK;
}

static enum code import(struct session *s, const struct kind *kind, const char *collection,
	const char *path, struct import_counts *counts, struct error *e)
{
	struct import in = {.kind = kind, .collection = collection};
	double began = seconds_now();

	if (lines_open(&in.lines, path, e))
		return e->code;
	progress_begin(&in.progress, kind->what, s->quiet);
	enum code code = hm_upload_begin(s->client, kind->operation, &in.upload, e);
	if (!code) {
		code = every_message(&in, e);
		if (code)
			hm_upload_abort(in.upload);
		else
			code = finish(s, &in, counts, e);
	}
	progress_clear(&in.progress);
	lines_close(&in.lines);
	counts->seconds = seconds_now() - began;
	return code;
}

enum code import_documents(struct session *s, const char *collection, const char *path,
	struct import_counts *counts, struct error *e)
{
	return import(s, &documents, collection, path, counts, e);
}

enum code import_queries(struct session *s, const char *collection, const char *path,
	struct import_counts *counts, struct error *e)
{
	return import(s, &queries, collection, path, counts, e);
}
