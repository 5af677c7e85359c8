/* Documents of a corpus by their id, by their group's name, and by what they say. */
#include "storage/corpus_private.h"

#include <string.h>

uint32_t corpus_find(const struct corpus *c, const char *id)
{
	return terms_find(&c->private->ids, id, strlen(id) + 1);
}

_Static_assert((uint32_t)NO_TERM == (uint32_t)NO_DOCUMENT, "an id is its document's number");

uint32_t corpus_group(const struct corpus *c, const char *group)
{
	uint32_t term = terms_find(&c->private->groups, group, strlen(group));

	return term == NO_TERM ? 0 : term + 1;
}

/* A run of documents with one hash, within by_whole or by_text. */
struct run {
	const uint32_t *at, *end;
};

static struct hash128 hash_of(const struct content *content, bool whole)
{
	return whole ? content->whole : content->text;
}

static struct run find_run(const struct corpus *c, struct hash128 hash, bool whole)
{
	const struct corpus_private *p = c->private;
	const uint32_t *sorted = whole ? p->by_whole : p->by_text;
	size_t n = whole ? p->n_whole : p->n_text, low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_hashes(hash_of(&c->content[sorted[middle]], whole), hash) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (high < n && hash128_equal(hash_of(&c->content[sorted[high]], whole), hash))
		high++;
	return (struct run){sorted + low, sorted + high};
}

/* No document is in both runs: by_text has those alone whose two hashes differ. */
size_t corpus_same_content(const struct corpus *c, struct hash128 hash, uint32_t *out, size_t max)
{
	struct run whole = find_run(c, hash, true), text = find_run(c, hash, false);
	size_t n = 0;

	while (whole.at < whole.end || text.at < text.end) {
		bool from_text =
			whole.at == whole.end || (text.at < text.end && *text.at < *whole.at);
		uint32_t document = from_text ? *text.at++ : *whole.at++;
		if (n < max)
			out[n] = document;
		n++;
	}
	return n;
}
