#include "client/cli/npy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/limits.h"

enum { HEADER_MAX = 4096 };

static enum code bad(struct error *e, const char *sentence)
{
	return error_set(e, INVALID_ARGUMENT, "BAD_NPY", "%s", sentence);
}

/* The header's text, a Python dictionary, as a string; *data is where the rows begin. */
static enum code header(const uint8_t *bytes, size_t len, char *text, size_t *data, struct error *e)
{
	if (len < 12 || memcmp(bytes, "\x93NUMPY", 6))
		return bad(e, "It is no .npy file: the magic is missing.");
	unsigned major = bytes[6];
	if (major < 1 || major > 3)
		return bad(e, "Its .npy version is unknown; 1.0 to 3.0 are read.");
	size_t start = major == 1 ? 10 : 12, size = bytes[8] | (size_t)bytes[9] << 8;
	if (major > 1)
		size |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
	if (size >= HEADER_MAX || size > len - start)
		return bad(e, "Its header is cut short or too long.");
	memcpy(text, bytes + start, size);
	text[size] = 0;
	*data = start + size;
	return OK;
}

/* What follows 'key': in the dictionary, or NULL. */
static const char *value_of(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	if (!at)
		return NULL;
	at += strlen(key);
	at += strspn(at, " ");
	if (*at++ != ':')
		return NULL;
	return at + strspn(at, " ");
}

static enum code item_size(const char *text, unsigned *out, struct error *e)
{
	const char *type = value_of(text, "'descr'");

	if (type && !strncmp(type, "'<f4'", 5))
		*out = 4;
	else if (type && !strncmp(type, "'<f2'", 5))
		*out = 2;
	else
		return bad(e, "Its numbers must be '<f4' or '<f2'; convert them: "
			      "numpy.save(path, rows.astype('<f4')).");
	return OK;
}

static enum code shape(const char *text, size_t *rows, size_t *columns, struct error *e)
{
	const char *order = value_of(text, "'fortran_order'"), *at = value_of(text, "'shape'");
	int used = 0;

	if (!order || strncmp(order, "False", 5))
		return bad(e, "Its rows must be in C order: numpy.ascontiguousarray(rows).");
	if (!at || sscanf(at, "( %zu , %zu %n", rows, columns, &used) != 2 || !used ||
		at[used] != ')')
		return bad(e, "Its shape must be (rows, dimension).");
	if (*columns < 1 || *columns > LIMIT_DIMENSION)
		return error_set(e, INVALID_ARGUMENT, "BAD_NPY",
			"Its dimension is %zu; 1 to %u are taken.", *columns, LIMIT_DIMENSION);
	return OK;
}

enum code npy_parse(const uint8_t *bytes, size_t len, struct npy *out, struct error *e)
{
	struct npy npy = {0};
	char text[HEADER_MAX];
	size_t data, columns, total;

	if (header(bytes, len, text, &data, e) || item_size(text, &npy.item_bytes, e) ||
		shape(text, &npy.n, &columns, e))
		return e->code;
	npy.row_bytes = columns * npy.item_bytes;
	npy.dimension = (uint32_t)columns;
	npy.rows = bytes + data;
	if (__builtin_mul_overflow(npy.n, npy.row_bytes, &total) || total != len - data)
		return bad(e, "It does not hold the rows its header announces; it may be cut "
			      "short.");
	*out = npy;
	return OK;
}

static enum code map(const char *path, void **at, size_t *len, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return error_set(e, errno == ENOENT ? NOT_FOUND : INTERNAL, "NO_SUCH_FILE",
			"It cannot be opened: %s.", strerror(errno));
	bool sized = !fstat(fd, &st) && st.st_size > 0;
	*len = sized ? (size_t)st.st_size : 0;
	*at = sized ? mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	close(fd);
	if (*at == MAP_FAILED)
		return bad(e, "It is empty or no regular file.");
	return OK;
}

enum code npy_open(const char *path, struct npy *out, struct error *e)
{
	struct npy npy;
	void *at;
	size_t len;

	if (map(path, &at, &len, e))
		return error_prefix(e, "%s: ", path);
	if (npy_parse(at, len, &npy, e)) {
		munmap(at, len);
		return error_prefix(e, "%s: ", path);
	}
	npy.map = at;
	npy.map_bytes = len;
	*out = npy;
	return OK;
}

void npy_close(struct npy *npy)
{
	if (npy->map)
		munmap(npy->map, npy->map_bytes);
	*npy = (struct npy){0};
}
