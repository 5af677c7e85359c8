/*
 * Vectors into the daemon: uploading, and publishing what was uploaded, against memcpy of the same
 * bytes in warm memory.
 */
#include "tests/bench/served.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 4096 };

ProtobufCMessage *must_call(struct bench *b, const char *operation, const ProtobufCMessage *request,
	const ProtobufCMessageDescriptor *type, struct arena *arena)
{
	struct error e;
	ProtobufCMessage *answer;

	must(hm_call(daemon_client(b), operation, request, type, arena, &answer, &e), &e,
		operation);
	return answer;
}

static void call(struct bench *b, const char *operation, const ProtobufCMessage *request,
	const ProtobufCMessageDescriptor *type)
{
	struct arena arena;

	arena_init(&arena, (size_t)1 << 30);
	must_call(b, operation, request, type, &arena);
	arena_free(&arena);
}

static struct hm_upload *begin_upload(struct bench *b, const char *operation)
{
	struct hm_upload *upload;
	struct error e;

	must(hm_upload_begin(daemon_client(b), operation, &upload, &e), &e, operation);
	return upload;
}

static void end_upload(struct hm_upload *upload, const ProtobufCMessageDescriptor *type)
{
	struct arena arena;
	struct error e;
	ProtobufCMessage *answer;

	arena_init(&arena, 1 << 20);
	must(hm_upload_finish(upload, type, &arena, &answer, &e), &e, "upload");
	arena_free(&arena);
}

struct shelf shelf_make(const char *collection, uint32_t n, const float *vectors)
{
	struct shelf s = {collection, n, must_allocate(n, sizeof *s.ids), vectors};

	for (uint32_t i = 0; i < n; i++)
		snprintf(s.ids[i], sizeof s.ids[i], "d%u", i);
	return s;
}

static size_t chunk_at(const struct shelf *s, size_t at)
{
	return s->n - at < CHUNK ? s->n - at : CHUNK;
}

void shelf_send_documents(struct bench *b, const struct shelf *s)
{
	static Pb__Document rows[CHUNK], *pointers[CHUNK];
	Pb__CreateCollectionRequest create = PB__CREATE_COLLECTION_REQUEST__INIT;
	Pb__UpsertDocumentsRequest request = PB__UPSERT_DOCUMENTS_REQUEST__INIT;
	struct error e;

	create.collection = request.collection = (char *)s->collection;
	call(b, "CreateCollection", &create.base, &pb__collection__descriptor);
	struct hm_upload *upload = begin_upload(b, "UploadDocuments");
	for (size_t at = 0; at < s->n; at += CHUNK) {
		size_t n = chunk_at(s, at);
		for (size_t i = 0; i < n; i++) {
			pb__document__init(&rows[i]);
			rows[i].id = rows[i].text = s->ids[at + i];
			pointers[i] = &rows[i];
		}
		request.documents = pointers;
		request.n_documents = n;
		must(hm_upload_send(upload, &request.base, &e), &e, "send documents");
	}
	end_upload(upload, &pb__upsert_response__descriptor);
}

static void send_rows(
	struct hm_upload *upload, const struct shelf *s, size_t at, size_t n, uint64_t generation)
{
	static const char *ids[CHUNK];
	Pb__UpsertVectorsRequest request = PB__UPSERT_VECTORS_REQUEST__INIT;
	struct error e;

	for (size_t i = 0; i < n; i++)
		ids[i] = s->ids[at + i];
	request.collection = (char *)s->collection;
	request.has_generation = request.has_data = 1;
	request.generation = generation;
	request.n_ids = n;
	request.ids = ids;
	request.data =
		(ProtobufCBinaryData){n * D * sizeof(float), (uint8_t *)(s->vectors + at * D)};
	must(hm_upload_send(upload, &request.base, &e), &e, "send vectors");
}

void shelf_publish(struct bench *b, const struct shelf *s, uint64_t generation, double *sent,
	double *published)
{
	Pb__BeginGenerationRequest begin = PB__BEGIN_GENERATION_REQUEST__INIT;
	Pb__PublishGenerationRequest publish = PB__PUBLISH_GENERATION_REQUEST__INIT;

	begin.collection = publish.collection = (char *)s->collection;
	begin.encoder = "bench";
	begin.has_dimension = 1;
	begin.dimension = D;
	publish.has_generation = 1;
	publish.generation = generation;
	call(b, "BeginGeneration", &begin.base, &pb__generation__descriptor);
	double began = now_s();
	struct hm_upload *upload = begin_upload(b, "UploadVectors");
	for (size_t at = 0; at < s->n; at += CHUNK)
		send_rows(upload, s, at, chunk_at(s, at), generation);
	double last_byte = now_s();
	end_upload(upload, &pb__upsert_vectors_response__descriptor);
	*sent = now_s() - began;
	call(b, "PublishGeneration", &publish.base, &pb__publish_generation_response__descriptor);
	*published = now_s() - last_byte;
}

static double copy_seconds(const struct data *d, size_t bytes)
{
	char *copy = must_allocate(bytes, 1);

	memset(copy, 1, bytes); /* touched: memcpy, not page faults */
	double began = now_s();
	memcpy(copy, d->documents.rows, bytes);
	__asm__ volatile("" : : "r"(copy) : "memory"); /* or it is left out: nobody reads it */
	double seconds = now_s() - began;
	free(copy);
	return seconds;
}

const struct served *served_of(struct bench *b)
{
	static struct served s;
	const struct data *d = data_of(b);

	if (s.shelf.ids)
		return &s;
	s.shelf = shelf_make("vectors", b->rows, (const float *)d->documents.rows);
	double began = now_s();
	shelf_send_documents(b, &s.shelf);
	fprintf(stderr, "# documents: stored in %.1f s\n", now_s() - began);
	for (int round = 0; round < UPLOADS; round++) {
		shelf_publish(
			b, &s.shelf, (uint64_t)round + 1, &s.sent[round], &s.published[round]);
		s.copied[round] = copy_seconds(d, (size_t)b->rows * D * sizeof(float));
	}
	return &s;
}

void line_upload(struct bench *b, const struct measurement *m)
{
	struct served s = *served_of(b);
	double mb = (double)b->rows * D * sizeof(float) / 1e6, ours = median(s.sent, UPLOADS);

	line(m->name, mb / ours, "MB/s", "memcpy", median(s.copied, UPLOADS) / ours);
}

void line_publish(struct bench *b, const struct measurement *m)
{
	struct served s = *served_of(b);
	double ours = median(s.published, UPLOADS);

	line(m->name, ours * 1e3, "ms", "memcpy", ours / median(s.copied, UPLOADS));
}
