#include "client/cli/whole.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/limits.h"

enum { PIECE = 64 << 10 };

static enum code read_all(FILE *file, const char *path, struct buf *out, struct error *e)
{
	size_t got;

	do {
		char *room = buf_room(out, PIECE);
		if (!room)
			return error_memory(e);
		got = fread(room, 1, PIECE, file);
		out->len += got;
		if (out->len > LIMIT_BODY_BYTES)
			return error_set(e, INVALID_ARGUMENT, "BODY_TOO_LARGE",
				"%s is larger than a request may be (%u bytes).", path,
				LIMIT_BODY_BYTES);
	} while (got);
	if (ferror(file))
		return error_set(
			e, INTERNAL, "IO_ERROR", "Could not read %s: %s.", path, strerror(errno));
	return OK;
}

enum code read_whole(const char *path, struct buf *out, struct error *e)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;

	buf_init(out);
	if (!file)
		return error_set(e, errno == ENOENT ? NOT_FOUND : INTERNAL, "NO_SUCH_FILE",
			"Could not open %s: %s.", path, strerror(errno));
	enum code code = read_all(file, path, out, e);
	if (file != stdin)
		fclose(file);
	return code;
}
