#include "tests/bench/words.h"

#include "tests/bench/bench.h"

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
	must_write(folder, "words", documents->word, word_bytes(documents));
	must_write(folder, "starts", documents->start, start_bytes(documents));
	must_write(folder, "query_words", queries->word, word_bytes(queries));
	must_write(folder, "query_starts", queries->start, start_bytes(queries));
}
