/*
 * Vectors in and negatives out: upload against memcpy of the same bytes, and mining through gRPC
 * against a bare FAISS IndexFlatIP::search of the same vectors for the same depth, on as many
 * threads as the machine has cores (each its own part of the queries, OpenMP and BLAS at one, which
 * is FAISS at its best here). Data: unit vectors around 64 random centres, seeded.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/vectors/faiss.h"
#include "tests/bench/bench.h"

enum { N = 100000, D = 256, Q = 1024, DEPTH = 100, CHUNK = 4096, CENTRES = 64 };

struct own_data {
	float *documents; /* N x D */
	float *queries;	  /* Q x D */
	char (*ids)[16];
};

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static float normal(uint64_t *state)
{
	double u = ((double)(next_random(state) >> 11) + 1) * 0x1p-53;
	double v = (double)(next_random(state) >> 11) * 0x1p-53;

	return (float)(sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * v));
}

static void around(float *row, const float *centre, float spread, uint64_t *state)
{
	double norm = 0;

	for (int j = 0; j < D; j++) {
		row[j] = centre[j] + spread * normal(state);
		norm += (double)row[j] * row[j];
	}
	for (int j = 0; j < D; j++)
		row[j] = (float)(row[j] / sqrt(norm));
}

static struct own_data make_data(void)
{
	static float centres[CENTRES][D];
	uint64_t state = 1;
	struct own_data d = {malloc(sizeof(float) * N * D), malloc(sizeof(float) * Q * D),
		malloc(sizeof(char[16]) * N)};

	for (int c = 0; c < CENTRES; c++)
		for (int j = 0; j < D; j++)
			centres[c][j] = normal(&state);
	for (size_t i = 0; i < N; i++) {
		around(d.documents + i * D, centres[next_random(&state) % CENTRES], 1, &state);
		snprintf(d.ids[i], sizeof d.ids[i], "d%zu", i);
	}
	for (size_t i = 0; i < Q; i++)
		around(d.queries + i * D, d.documents + next_random(&state) % N * D, .05f, &state);
	return d;
}

static void call(struct bench *b, const char *operation, const ProtobufCMessage *request,
	const ProtobufCMessageDescriptor *type)
{
	struct arena arena;
	struct error e;
	ProtobufCMessage *answer;

	arena_init(&arena, (size_t)1 << 30);
	must(hm_call(daemon_client(b), operation, request, type, &arena, &answer, &e), &e,
		operation);
	arena_free(&arena);
}

static void send_documents(struct bench *b, const struct own_data *d)
{
	static Pb__Document rows[CHUNK], *pointers[CHUNK];
	Pb__CreateCollectionRequest create = PB__CREATE_COLLECTION_REQUEST__INIT;
	Pb__UpsertDocumentsRequest request = PB__UPSERT_DOCUMENTS_REQUEST__INIT;

	create.collection = request.collection = "vectors";
	call(b, "CreateCollection", &create.base, &pb__collection__descriptor);
	for (size_t at = 0; at < N; at += CHUNK) {
		size_t n = N - at < CHUNK ? N - at : CHUNK;
		for (size_t i = 0; i < n; i++) {
			pb__document__init(&rows[i]);
			rows[i].id = rows[i].text = d->ids[at + i];
			pointers[i] = &rows[i];
		}
		request.documents = pointers;
		request.n_documents = n;
		call(b, "UpsertDocuments", &request.base, &pb__upsert_response__descriptor);
	}
}

/* Seconds from the first byte sent to the acknowledgement of the last. */
static double send_vectors(struct bench *b, const struct own_data *d, uint64_t generation)
{
	static const char *ids[CHUNK];
	struct arena arena;
	struct error e;
	struct hm_upload *upload;
	ProtobufCMessage *answer;
	double began = now_s();

	arena_init(&arena, 1 << 20);
	must(hm_upload_begin(daemon_client(b), "UploadVectors", &upload, &e), &e, "upload");
	for (size_t at = 0; at < N; at += CHUNK) {
		Pb__UpsertVectorsRequest request = PB__UPSERT_VECTORS_REQUEST__INIT;
		size_t n = N - at < CHUNK ? N - at : CHUNK;
		for (size_t i = 0; i < n; i++)
			ids[i] = d->ids[at + i];
		request.collection = "vectors";
		request.has_generation = request.has_data = 1;
		request.generation = generation;
		request.n_ids = n;
		request.ids = ids;
		request.data = (ProtobufCBinaryData){
			n * D * sizeof(float), (uint8_t *)(d->documents + at * D)};
		must(hm_upload_send(upload, &request.base, &e), &e, "send vectors");
	}
	must(hm_upload_finish(
		     upload, &pb__upsert_vectors_response__descriptor, &arena, &answer, &e),
		&e, "upload vectors");
	arena_free(&arena);
	return now_s() - began;
}

static void measure_upload(struct bench *b, const struct own_data *d)
{
	enum { UPLOADS = 3 };
	double ours[UPLOADS], theirs[UPLOADS], mb = (double)N * D * sizeof(float) / 1e6;
	float *copy = malloc(sizeof(float) * N * D);
	Pb__BeginGenerationRequest begin = PB__BEGIN_GENERATION_REQUEST__INIT;

	begin.collection = "vectors";
	begin.encoder = "bench";
	begin.has_dimension = 1;
	begin.dimension = D;
	memset(copy, 1, sizeof(float) * N * D); /* touched: memcpy, not page faults */
	for (uint64_t r = 0; r < UPLOADS; r++) {
		call(b, "BeginGeneration", &begin.base, &pb__generation__descriptor);
		ours[r] = mb / send_vectors(b, d, r + 1);
		double began = now_s();
		memcpy(copy, d->documents, sizeof(float) * N * D);
		__asm__ volatile(""
				 :
				 : "r"(copy)
				 : "memory"); /* or it is left out: nobody reads it */
		theirs[r] = mb / (now_s() - began);
	}
	free(copy);
	double value = median(ours, UPLOADS);
	line("upload", value, "MB/s", "memcpy", value / median(theirs, UPLOADS));
}

static double mine_once(struct bench *b, const struct own_data *d)
{
	static Pb__MineQuery rows[Q], *pointers[Q];
	static const char *positives[Q][1];
	Pb__MineNegativesRequest request = PB__MINE_NEGATIVES_REQUEST__INIT;

	for (size_t i = 0; i < Q; i++) {
		pb__mine_query__init(&rows[i]);
		rows[i].has_vector_f32 = 1;
		rows[i].vector_f32 =
			(ProtobufCBinaryData){D * sizeof(float), (uint8_t *)(d->queries + i * D)};
		positives[i][0] = d->ids[i];
		rows[i].positives = positives[i];
		rows[i].n_positives = 1;
		pointers[i] = &rows[i];
	}
	request.collection = "vectors";
	request.strategy = "topk";
	request.has_num_negatives = request.has_depth = 1;
	request.num_negatives = 8;
	request.depth = DEPTH;
	request.n_queries = Q;
	request.queries = pointers;
	double began = now_s();
	call(b, "MineNegatives", &request.base, &pb__mine_negatives_response__descriptor);
	return Q / (now_s() - began);
}

struct search {
	struct faiss_index *index;
	const struct own_data *data;
	size_t threads;
	float *scores;
	int64_t *rows;
};

static void search_part(void *arg, size_t i)
{
	struct search *s = arg;
	struct error e;
	size_t from = Q * i / s->threads, to = Q * (i + 1) / s->threads;

	must(faiss_search(s->index, to - from, s->data->queries + from * D, DEPTH,
		     s->scores + from * DEPTH, s->rows + from * DEPTH, NULL, &e),
		&e, "search with FAISS");
}

static void measure_mine(struct bench *b, const struct own_data *d)
{
	struct search s = {NULL, d, (size_t)sysconf(_SC_NPROCESSORS_ONLN),
		malloc(sizeof(float) * Q * DEPTH), malloc(sizeof(int64_t) * Q * DEPTH)};
	double ours[ROUNDS], theirs[ROUNDS];
	struct error e;

	must(faiss_new("Flat", D, FAISS_INNER_PRODUCT, &s.index, &e), &e, "make an index");
	must(faiss_add(s.index, N, d->documents, NULL, &e), &e, "fill it");
	for (int r = 0; r < ROUNDS; r++) {
		ours[r] = mine_once(b, d);
		theirs[r] = Q / on_threads(s.threads, search_part, &s);
	}
	double value = median(ours, ROUNDS);
	line("mine_grpc", value, "queries/s", "FAISS-IndexFlatIP", value / median(theirs, ROUNDS));
	faiss_free(s.index);
	free(s.scores);
	free(s.rows);
}

void line_vectors(struct bench *b, const struct measurement *m)
{
	(void)m;
	struct own_data d = make_data();
	Pb__PublishGenerationRequest publish = PB__PUBLISH_GENERATION_REQUEST__INIT;

	send_documents(b, &d);
	measure_upload(b, &d);
	publish.collection = "vectors";
	publish.has_generation = 1;
	publish.generation = 1;
	call(b, "PublishGeneration", &publish.base, &pb__publish_generation_response__descriptor);
	measure_mine(b, &d);
	free(d.documents);
	free(d.queries);
	free(d.ids);
}
