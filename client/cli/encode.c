/* The verb `encode`: a generation by an embedded encoder. */
#include "client/cli/session.h"

static const struct option encode_options[] = {
	{"encoder", "NAME", "lsa", "which embedded encoder", OPTION_FIELD},
	{"dimension", "N", NULL, "of the vectors: 256, or as many as the corpus has", OPTION_FIELD},
	{"seed", "N", "0", "the same seed, the same vectors", OPTION_FIELD},
	{"index", "NAME", "exact", "exact, lists<n>, or a FAISS factory string", OPTION_FIELD},
	{"step", "N", "0", "training step to note with the generation", OPTION_FIELD},
	{"detach", NULL, NULL, "print the job and do not wait for it"},
	{NULL},
};

static enum code run(struct session *s, const struct options *o, struct error *e)
{
	Pb__EncodeCollectionRequest request = PB__ENCODE_COLLECTION_REQUEST__INIT;
	Pb__Job *job;

	request.collection = o->words[0];
	if (session_fields(s, o, &request.base, e) ||
		session_ask(s, "EncodeCollection", &request.base, &job, e))
		return e->code;
	if (!options_has(o, "detach") && session_watch(s, job, &job, e))
		return e->code;
	return session_print_job(s, job, e);
}

const struct command command_encode = {
	.name = "encode",
	.words = "COLLECTION",
	.least = 1,
	.most = 1,
	.summary = "makes and publishes vectors of the collection's texts",
	.details = "A job of the daemon: ending this command does not end it.",
	.options = encode_options,
	.run = run,
};
