#include "tests/bench/words.h"

#include <stdio.h>
#include <stdlib.h>

static void write_file(const char *folder, const char *name, const void *data, size_t bytes)
{
	char path[4200];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f)) {
		fprintf(stderr, "bench: cannot write %s\n", path);
		exit(1);
	}
}

static size_t start_bytes(const struct words *w)
{
	return (w->n + 1) * sizeof *w->start;
}

static size_t word_bytes(const struct words *w)
{
	return w->start[w->n] * sizeof *w->word;
}

void words_write(const char *folder, const struct words *documents, const struct words *queries)
{
	write_file(folder, "words", documents->word, word_bytes(documents));
	write_file(folder, "starts", documents->start, start_bytes(documents));
	write_file(folder, "query_words", queries->word, word_bytes(queries));
	write_file(folder, "query_starts", queries->start, start_bytes(queries));
}
