/* SipHash-2-4 (Aumasson, Bernstein 2012): 64 bits that nobody without the key can make. */
#ifndef STORAGE_VECTORS_KEYED_HASH_H
#define STORAGE_VECTORS_KEYED_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	unsigned char bytes[16];
};

uint64_t keyed_hash(const struct hash_key *key, const void *bytes, size_t n);

#endif
