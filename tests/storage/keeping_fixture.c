#include "tests/storage/keeping_fixture.h"

struct path codes_path(uint64_t generation)
{
	return generation_path(catalog, fixture_collection("demo").id, generation, FILE_CACHE);
}

size_t files(const char *ending)
{
	return files_ending(fixture_collection("demo").id, ending);
}

uint64_t uploaded(void)
{
	uint64_t g = begin("demo", "exact");

	ck_ok(upload("demo", g, PB__SIDE__SIDE_DOCUMENT, 0, DOCUMENTS_EACH, &err), &err);
	return g;
}

uint64_t published_by(struct hand *h)
{
	uint64_t g = uploaded();

	ck_ok(publish_by("demo", g, &h->crew, &err), &err);
	return g;
}

void begin_afresh(void)
{
	ck_ok(catalog_delete(catalog, "demo", &err), &err);
	collection_make("demo");
	put("demo", DOCUMENTS_EACH, 0);
}

unsigned restart(void)
{
	unsigned before = told_made + told_made_anew;

	catalog_reopen();
	ck_assert_uint_eq(files(".tmp"), 0);
	return told_made + told_made_anew - before;
}
