/*
 * What every verb works with: the connection, where and how it prints, and memory that lasts as
 * long as the verb.
 */
#ifndef CLIENT_CLI_SESSION_H
#define CLIENT_CLI_SESSION_H

#include <stdbool.h>
#include <stdio.h>

#include "client/cli/options.h"
#include "client/client.h"
#include "hardminer/v1/miner.pb-c.h"
#include "proto/operations.h"

enum output { AS_TABLE, AS_JSON, AS_NDJSON };

struct session {
	struct hm_client *client;
	enum output output;
	bool quiet; /* no progress */
	struct arena arena;
};

struct command {
	const char *name;
	const char *words;  /* "COLLECTION [FOLDER]" */
	size_t least, most; /* of words */
	const char *summary;
	const char *details; /* paragraphs for --help, or NULL */
	const struct option *options;
	enum code (*run)(struct session *s, const struct options *o, struct error *e);
};

extern const struct command command_call, command_encode, command_export, command_import,
	command_info, command_jobs, command_mine;

/* An operation of the schema by name; NULL when there is none. */
struct operation {
	const char *name;
	const ProtobufCMessageDescriptor *request, *answer;
	enum streaming streaming;
};
bool operation_find(const char *name, struct operation *out);
/* The i-th operation's name, NULL past the last. */
const char *operation_name(size_t i);

/* One call whose answer lives in the session's arena; `out` is a Pb__...** of the answer's type. */
enum code session_ask(struct session *s, const char *operation, const ProtobufCMessage *request,
	void *out, struct error *e);
/* Sets the fields that options of kind OPTION_FIELD name. */
enum code session_fields(
	struct session *s, const struct options *o, ProtobufCMessage *request, struct error *e);
/* Waits for a job's end with a progress line; the job as it ended. A job that failed or was
 * cancelled is that failure. */
enum code session_watch(struct session *s, const Pb__Job *job, Pb__Job **out, struct error *e);
/* Prints a message as JSON: indented for AS_JSON (and AS_TABLE), else one line. */
enum code session_print(
	const struct session *s, const ProtobufCMessage *m, FILE *to, struct error *e);
/* A job's one-line story, or the message, as the output asks for. */
enum code session_print_job(const struct session *s, const Pb__Job *job, struct error *e);

double seconds_now(void); /* monotonic */

#endif
