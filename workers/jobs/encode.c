/* Jobs that make a generation: encode with an embedded encoder, or publish what was uploaded. Both
 * begin anew after a crash: nothing they write is visible before it is whole. */
#include "workers/jobs/work.h"

static enum code number_of(
	const Pb__Generation *made, const struct work *w, const char **result, struct error *e)
{
	*result = arena_printf(w->arena, "%llu", (unsigned long long)made->generation);
	return *result ? OK : error_memory(e);
}

static enum code encode(const struct work *w, const char **result, struct error *e)
{
	Pb__Generation made;

	pb__generation__init(&made);
	if (catalog_encode(w->mine.catalog, (const Pb__EncodeCollectionRequest *)w->request,
		    w->progress, w->arena, &made, e))
		return e->code;
	return number_of(&made, w, result, e);
}

static enum code publish(const struct work *w, const char **result, struct error *e)
{
	const Pb__PublishGenerationRequest *req = (const Pb__PublishGenerationRequest *)w->request;
	Pb__Generation made;
	uint64_t without;

	pb__generation__init(&made);
	if (catalog_publish(w->mine.catalog, req->collection, req->generation, false, w->progress,
		    w->arena, &made, &without, e))
		return e->code;
	return number_of(&made, w, result, e);
}

const struct job_kind job_encode = {"encode", &pb__encode_collection_request__descriptor, encode};
const struct job_kind job_publish = {
	"publish", &pb__publish_generation_request__descriptor, publish};
