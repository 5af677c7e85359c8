/* The limits, in one place: published by GetInfo, enforced early, named in errors. */
#ifndef PROTO_LIMITS_H
#define PROTO_LIMITS_H

#define LIMITS(X) \
	X(BODY_BYTES, 64u << 20, "bytes", "one request's body or message") \
	X(REQUEST_MEMORY, 1024u << 20, "bytes", "what one request may allocate") \
	X(ID_BYTES, 512, "bytes", "an id or a group") \
	X(TEXT_BYTES, 1u << 20, "bytes", "a title, a text or metadata") \
	X(ITEMS, 100000, "items", "documents, queries, positives or vectors in one message") \
	X(QUERIES, 10000, "queries", "queries in one mining or search request") \
	X(NEGATIVES, 4096, "negatives", "num_negatives") \
	X(SEARCH_K, 16384, "documents", "k of a search") \
	X(CANDIDATES, 100000, "candidates", "given candidates, positives or depth of one query") \
	X(DIMENSION, 16384, "dimensions", "a vector") \
	X(INDEX_NUMBERS, 1u << 22, "numbers", \
		"document vectors x dimension of a FAISS index that is built while its publisher " \
		"waits") \
	X(COLLECTIONS, 10000, "collections", "collections of one daemon") \
	X(PAGE_SIZE, 1000, "items", "one page")

enum limit {
#define X(name, value, unit, of) LIMIT_##name = value,
	LIMITS(X)
#undef X
};

#endif
