/* Vectors: rows of a .npy file with the ids of a text file, into an open generation. */
#include <string.h>

#include "client/cli/import.h"
#include "client/cli/lines.h"
#include "client/cli/npy.h"
#include "client/cli/progress.h"

struct rows_upload {
	const struct vector_import *what;
	uint64_t generation;
	struct npy npy;
	struct lines ids;
	struct hm_upload *upload;
	struct progress progress;
	size_t sent;
};

static enum code begin_generation(struct session *s, const struct options *o,
	const struct vector_import *what, uint32_t dimension, uint64_t *out, struct error *e)
{
	Pb__BeginGenerationRequest request = PB__BEGIN_GENERATION_REQUEST__INIT;
	Pb__Generation *answer;

	if (!what->encoder) {
		error_set(e, INVALID_ARGUMENT, "USAGE",
			"Say which --generation takes the vectors, or name their --encoder to "
			"begin "
			"a new one.");
		return error_field(e, "--generation");
	}
	request.collection = what->collection;
	request.has_dimension = 1;
	request.dimension = dimension;
	if (session_fields(s, o, &request.base, e))
		return e->code;
	if (session_ask(s, "BeginGeneration", &request.base, &answer, e))
		return e->code;
	*out = answer->generation;
	return OK;
}

/* The next ids, as many as rows fit into one message. */
static enum code read_ids(
	struct rows_upload *u, struct arena *arena, const char **ids, size_t *n, struct error *e)
{
	size_t most = MESSAGE_BYTES / u->npy.row_bytes;
	bool more;

	most = most < 1 ? 1 : most < MESSAGE_ITEMS ? most : MESSAGE_ITEMS;
	for (*n = 0; *n < most && u->sent + *n < u->npy.n; ++*n) {
		if (lines_next(&u->ids, &more, e))
			return e->code;
		if (!more)
			return error_set(e, INVALID_ARGUMENT, "TOO_FEW_IDS",
				"%s ends after %zu ids, but %s has %zu rows.", u->what->ids,
				u->sent + *n, u->what->vectors, u->npy.n);
		ids[*n] = arena_strndup(arena, u->ids.text, u->ids.len);
		if (!ids[*n])
			return error_memory(e);
	}
	return OK;
}

static enum code one_message(struct rows_upload *u, struct arena *arena, struct error *e)
{
	Pb__UpsertVectorsRequest request = PB__UPSERT_VECTORS_REQUEST__INIT;
	const char *ids[MESSAGE_ITEMS];
	size_t n;

	if (read_ids(u, arena, ids, &n, e))
		return e->code;
	request.collection = u->what->collection;
	request.has_generation = request.has_of = request.has_data = request.has_dtype = 1;
	request.generation = u->generation;
	request.of = u->what->of;
	request.ids = ids;
	request.n_ids = n;
	request.data.data = (uint8_t *)(uintptr_t)(u->npy.rows + u->sent * u->npy.row_bytes);
	request.data.len = n * u->npy.row_bytes;
	request.dtype = u->npy.item_bytes == 2 ? PB__DTYPE__DTYPE_F16 : PB__DTYPE__DTYPE_F32;
	u->sent += n;
	return hm_upload_send(u->upload, &request.base, e);
}

static struct progress_state state_of(const struct rows_upload *u)
{
	return (struct progress_state){
		u->sent, u->npy.n ? (double)u->sent / (double)u->npy.n : 1, -1, -1, NULL};
}

static enum code every_message(struct rows_upload *u, struct error *e)
{
	bool more;

	while (u->sent < u->npy.n) {
		struct arena arena;
		arena_init(&arena, MESSAGE_MEMORY);
		enum code code = one_message(u, &arena, e);
		arena_free(&arena);
		if (code)
			return code;
		struct progress_state state = state_of(u);
		progress_show(&u->progress, &state);
	}
	if (lines_next(&u->ids, &more, e))
		return e->code;
	if (more)
		return error_set(e, INVALID_ARGUMENT, "TOO_MANY_IDS",
			"%s has more ids than %s has rows (%zu).", u->what->ids, u->what->vectors,
			u->npy.n);
	return OK;
}

static enum code send_rows(
	struct session *s, struct rows_upload *u, struct import_counts *counts, struct error *e)
{
	ProtobufCMessage *answer;

	if (hm_upload_begin(s->client, "UploadVectors", &u->upload, e))
		return e->code;
	progress_begin(&u->progress, "vectors", s->quiet);
	enum code code = every_message(u, e);
	if (code)
		hm_upload_abort(u->upload);
	else
		code = hm_upload_finish(
			u->upload, &pb__upsert_vectors_response__descriptor, &s->arena, &answer, e);
	if (code) {
		progress_clear(&u->progress);
		return code;
	}
	struct progress_state state = state_of(u);
	progress_end(&u->progress, &state);
	counts->created = ((const Pb__UpsertVectorsResponse *)(const void *)answer)->upserted;
	return OK;
}

static enum code publish(
	struct session *s, const char *collection, uint64_t generation, struct error *e)
{
	Pb__PublishGenerationRequest request = PB__PUBLISH_GENERATION_REQUEST__INIT;
	Pb__PublishGenerationResponse *answer;
	Pb__Job *job;

	request.collection = collection;
	request.has_generation = request.has_background = 1;
	request.generation = generation;
	request.background = 1;
	if (session_ask(s, "PublishGeneration", &request.base, &answer, e))
		return e->code;
	return answer->job ? session_watch(s, answer->job, &job, e) : OK;
}

enum code import_vectors(struct session *s, const struct options *o,
	const struct vector_import *what, uint64_t *generation, struct import_counts *counts,
	struct error *e)
{
	struct rows_upload u = {.what = what, .generation = what->generation};
	double began = seconds_now();
	enum code code = npy_open(what->vectors, &u.npy, e);

	if (!code)
		code = lines_open(&u.ids, what->ids, e);
	if (!code && !u.generation)
		code = begin_generation(s, o, what, u.npy.dimension, &u.generation, e);
	if (!code)
		code = send_rows(s, &u, counts, e);
	if (!code && what->publish)
		code = publish(s, what->collection, u.generation, e);
	if (!code)
		*generation = u.generation;
	lines_close(&u.ids);
	npy_close(&u.npy);
	counts->seconds = seconds_now() - began;
	return code;
}
