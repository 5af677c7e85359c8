#include "storage/vectors/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/fault.h"
#include "storage/durable.h"

static const char deed[] = "write the cache of an index";

/* Before the packed index. `tag` is the keyed hash of the rest of this and of the packed bytes'
 * own keyed hash, so neither can be exchanged. */
struct cache_header {
	uint64_t tag;
	char magic[8];
	char index[136];
	uint64_t fingerprint, bytes, packed_tag;
};

static struct cache_header header_of(const struct cache *c, const unsigned char *packed, size_t n)
{
	struct cache_header h = {.magic = "HMFAISS1", .fingerprint = c->fingerprint, .bytes = n};

	snprintf(h.index, sizeof h.index, "%s", c->index);
	h.packed_tag = keyed_hash(&c->key, packed, n);
	h.tag = keyed_hash(&c->key, (char *)&h + sizeof h.tag, sizeof h - sizeof h.tag);
	return h;
}

enum code cache_save(const struct cache *c, const struct faiss_index *index, struct error *e)
{
	unsigned char *packed;
	size_t n;

	if (faiss_pack(index, &packed, &n, e))
		return e->code;
	struct cache_header h = header_of(c, packed, n);
	const struct durable_part parts[] = {{&h, sizeof h}, {packed, n}};
	enum code rc = durable_file(c->path, parts, 2, NULL, deed, e);
	free(packed);
	return rc;
}

static struct faiss_index *load_bytes(const struct cache *c, const unsigned char *bytes, size_t n)
{
	struct cache_header want = header_of(c, bytes + sizeof want, n - sizeof want);
	struct faiss_index *index;
	struct error e;

	if (memcmp(bytes, &want, sizeof want))
		return NULL;
	return faiss_unpack(bytes + sizeof want, n - sizeof want, &index, &e) ? NULL : index;
}

struct faiss_index *cache_load(const struct cache *c)
{
	struct faiss_index *index = NULL;
	struct stat st;
	int fd = FAULT() ? -1 : open(c->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && st.st_size > (off_t)sizeof(struct cache_header)) {
		size_t n = (size_t)st.st_size;
		void *map = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED) {
			index = load_bytes(c, map, n);
			munmap(map, n);
		}
	}
	close(fd);
	return index;
}

static bool read_key(const char *path, struct hash_key *out)
{
	struct hash_key key;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	ssize_t n = read(fd, &key, sizeof key);
	close(fd);
	if (n != sizeof key)
		return false;
	*out = key;
	return true;
}

enum code cache_key(const char *path, struct hash_key *out, struct error *e)
{
	static const char making[] = "make the key of the index caches";
	struct hash_key key;

	if (read_key(path, out))
		return OK;
	if (FAULT() || getrandom(&key, sizeof key, 0) != sizeof key)
		return error_errno(e, EIO, making);
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(e, errno, making);
	if (durable_write(fd, &key, sizeof key, 0, making, e)) {
		close(fd);
		return e->code;
	}
	if (durable_close(fd, making, e) || durable_directory(path, making, e))
		return e->code;
	*out = key;
	return OK;
}
