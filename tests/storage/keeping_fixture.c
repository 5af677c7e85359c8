#include "tests/storage/keeping_fixture.h"

static void take(void *arg, struct job *job)
{
	struct hand *h = arg;

	ck_assert_ptr_null(h->job);
	h->job = job;
}

static void leave(void *arg)
{
	((struct hand *)arg)->left++;
}

static void back(void *arg, enum haste haste)
{
	ck_assert_int_eq(haste, AT_ONCE);
	((struct hand *)arg)->back++;
}

void hand_open(struct hand *h)
{
	*h = (struct hand){
		.crew = {.threads = 1, .send = take, .leave = leave, .back = back, .arg = h}};
}

void do_it(struct hand *h)
{
	struct job *job = h->job;

	h->job = NULL;
	job->run(job);
}

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
