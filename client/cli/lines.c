#include "client/cli/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FIRST_ROOM = 64 << 10 };

enum code lines_open(struct lines *l, const char *path, struct error *e)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	struct stat st;

	if (!file)
		return error_set(e, errno == ENOENT ? NOT_FOUND : INTERNAL, "NO_SUCH_FILE",
			"Could not open %s: %s.", path, strerror(errno));
	*l = (struct lines){.path = path, .file = file};
	if (!fstat(fileno(file), &st) && S_ISREG(st.st_mode))
		l->size = (uint64_t)st.st_size;
	return OK;
}

void lines_close(struct lines *l)
{
	if (l->file && l->file != stdin)
		fclose(l->file);
	free(l->data);
	*l = (struct lines){0};
}

enum code lines_at(const struct lines *l, struct error *e)
{
	return error_prefix(e, "%s:%llu: ", l->path, (unsigned long long)l->number);
}

/* Moves what is not taken to the front and reads more behind it. One byte stays free for the NUL
 * of a last line without '\n'. */
static enum code fill(struct lines *l, struct error *e)
{
	if (l->start)
		memmove(l->data, l->data + l->start, l->end - l->start);
	l->end -= l->start;
	l->start = 0;
	if (l->end + 1 >= l->room) {
		size_t room = l->room ? l->room * 2 : FIRST_ROOM;
		if (room > (size_t)LINE_BYTES * 2) {
			l->number++;
			error_set(e, INVALID_ARGUMENT, "LINE_TOO_LONG",
				"The line is longer than %d bytes.", LINE_BYTES);
			return lines_at(l, e);
		}
		char *data = realloc(l->data, room);
		if (!data)
			return error_memory(e);
		l->data = data;
		l->room = room;
	}
	size_t got = fread(l->data + l->end, 1, l->room - 1 - l->end, l->file);
	l->end += got;
	l->ended = got == 0;
	if (ferror(l->file))
		return error_set(e, INTERNAL, "IO_ERROR", "Could not read %s: %s.", l->path,
			strerror(errno));
	return OK;
}

/* The bytes of one line, with or without its '\n'; *more false when there are none left. */
static enum code take(struct lines *l, bool *more, struct error *e)
{
	char *newline = NULL;
	size_t seen = 0;

	for (;;) {
		if (l->end - l->start > seen)
			newline = memchr(l->data + l->start + seen, '\n', l->end - l->start - seen);
		if (newline || l->ended)
			break;
		seen = l->end - l->start;
		if (fill(l, e))
			return e->code;
	}
	*more = l->end > l->start;
	if (!*more)
		return OK;
	l->text = l->data + l->start;
	l->len = newline ? (size_t)(newline - l->text) : l->end - l->start;
	l->start += l->len + (newline != NULL);
	l->read += l->len + (newline != NULL);
	l->number++;
	return OK;
}

static bool blank(const struct lines *l)
{
	return strspn(l->text, " \t") == l->len;
}

enum code lines_next(struct lines *l, bool *more, struct error *e)
{
	do {
		if (take(l, more, e))
			return e->code;
		if (!*more)
			return OK;
		if (l->len && l->text[l->len - 1] == '\r')
			l->len--;
		l->text[l->len] = 0;
		if (memchr(l->text, 0, l->len)) {
			error_set(e, INVALID_ARGUMENT, "NUL_IN_TEXT",
				"The line holds a NUL byte; this is no text file.");
			return lines_at(l, e);
		}
	} while (blank(l));
	return OK;
}
