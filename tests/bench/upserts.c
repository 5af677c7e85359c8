/*
 * Durable upserts a second: one document a request, acknowledged when it is on disk, from 1, 16 and
 * 64 clients. The partner is the disk: 4 KiB written and fdatasync'ed, one after another, to a file
 * beside the daemon's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/bench.h"

enum { MAX_CLIENTS = 64 };

struct load {
	struct hm_client *client;
	double until;
	int round;
	uint64_t done[MAX_CLIENTS];
};

static void upsert_until(void *arg, size_t i)
{
	struct load *l = arg;
	struct error e;
	struct arena arena;
	ProtobufCMessage *answer;
	char id[64];
	Pb__Document document = PB__DOCUMENT__INIT, *documents[] = {&document};
	Pb__UpsertDocumentsRequest request = PB__UPSERT_DOCUMENTS_REQUEST__INIT;

	arena_init(&arena, 1 << 20);
	document.id = id;
	document.text = "a passage of about the length that one has in a corpus of passages";
	request.collection = "upserts";
	request.n_documents = 1;
	request.documents = documents;
	while (now_s() < l->until) {
		snprintf(id, sizeof id, "d-%d-%zu-%llu", l->round, i,
			(unsigned long long)l->done[i]);
		must(hm_call(l->client, "UpsertDocuments", &request.base,
			     &pb__upsert_response__descriptor, &arena, &answer, &e),
			&e, "upsert");
		l->done[i]++;
		arena_free(&arena);
	}
}

static double upserts_per_s(struct hm_client *client, size_t clients, int round)
{
	struct load l = {client, now_s() + 1, round, {0}};
	uint64_t done = 0;
	double seconds = on_threads(clients, upsert_until, &l);

	for (size_t i = 0; i < clients; i++)
		done += l.done[i];
	return (double)done / seconds;
}

static double syncs_per_s(const char *dir)
{
	char path[4096], block[4096] = {1};
	double began = now_s();
	uint64_t n = 0;

	snprintf(path, sizeof path, "%s/bench.sync", dir);
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	while (now_s() - began < 1) {
		if (pwrite(fd, block, sizeof block, (off_t)(n * sizeof block)) < 0 || fdatasync(fd))
			exit(1);
		n++;
	}
	double rate = (double)n / (now_s() - began);
	close(fd);
	unlink(path);
	return rate;
}

static void make_collection(struct hm_client *client)
{
	struct arena arena;
	struct error e;
	ProtobufCMessage *made;
	Pb__CreateCollectionRequest create = PB__CREATE_COLLECTION_REQUEST__INIT;

	arena_init(&arena, 1 << 20);
	create.collection = "upserts";
	must(hm_call(client, "CreateCollection", &create.base, &pb__collection__descriptor, &arena,
		     &made, &e),
		&e, "create a collection");
	arena_free(&arena);
}

void line_upserts(struct bench *b, const struct measurement *m)
{
	static int round; /* of all lines: ids are new in each */
	double ours[ROUNDS], theirs[ROUNDS];
	struct hm_client *client = daemon_client(b);

	if (round == 0)
		make_collection(client);
	for (int r = 0; r < ROUNDS; r++) {
		ours[r] = upserts_per_s(client, (size_t)m->n, round++);
		theirs[r] = syncs_per_s(b->dir);
	}
	double value = median(ours, ROUNDS);
	line(m->name, value, "upserts/s", "pwrite+fdatasync", value / median(theirs, ROUNDS));
}
