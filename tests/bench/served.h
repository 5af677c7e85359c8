/* The bench's documents and vectors in the daemon under test: collection "vectors", published. */
#ifndef TESTS_BENCH_SERVED_H
#define TESTS_BENCH_SERVED_H

#include "tests/bench/data.h"

enum { UPLOADS = 3 };

struct served {
	char (*ids)[16]; /* of document i */
	/* of each upload: first byte to acknowledgement, last byte to searchable, memcpy */
	double sent[UPLOADS], published[UPLOADS], copied[UPLOADS];
};

/* Uploaded and published, several times, by the first who asks. */
const struct served *served_of(struct bench *b);

/* One call that must succeed; the answer lives in the arena. */
ProtobufCMessage *must_call(struct bench *b, const char *operation, const ProtobufCMessage *request,
	const ProtobufCMessageDescriptor *type, struct arena *arena);

#endif
