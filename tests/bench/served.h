/* The bench's documents and vectors in the daemon under test: collection "vectors", published. */
#ifndef TESTS_BENCH_SERVED_H
#define TESTS_BENCH_SERVED_H

#include "tests/bench/data.h"

enum { UPLOADS = 3 };

/* Documents with vectors of D floats; a document's text is its id, "d" and its number. */
struct shelf {
	const char *collection;
	uint32_t n;
	char (*ids)[16];
	const float *vectors;
};

struct shelf shelf_make(const char *collection, uint32_t n, const float *vectors);
void shelf_send_documents(struct bench *b, const struct shelf *s);
/* Its vectors as generation 1, then 2 and so on: seconds from the first byte to the acknowledgement, and
 * from the last to when they are searched. */
void shelf_publish(struct bench *b, const struct shelf *s, uint64_t generation, double *sent,
	double *published);

struct served {
	struct shelf shelf;
	/* of each upload: first byte to acknowledgement, last byte to searchable, memcpy */
	double sent[UPLOADS], published[UPLOADS], copied[UPLOADS];
};

/* Uploaded and published, several times, by the first who asks. */
const struct served *served_of(struct bench *b);

/* One call that must succeed; the answer lives in the arena. */
ProtobufCMessage *must_call(struct bench *b, const char *operation, const ProtobufCMessage *request,
	const ProtobufCMessageDescriptor *type, struct arena *arena);

#endif
