/*
 * A line of a file -> a message of the schema. Two dialects of JSON lines:
 *
 *   {"id": ...}    the schema's own fields; any other is an error, because it would be lost
 *   {"_id": ...}   BEIR's: title, text, group and metadata are taken, what else there is is not
 *
 * Ids may be whole numbers; metadata that is no string is kept as JSON text. Judgments are lines of
 * query, document and grade between tabs, with or without BEIR's heading, or TREC's four columns
 * (query, iteration, document, grade) between blanks.
 *
 * Strings live in the arena. Errors say what is wrong with the line; lines_at says which.
 */
#ifndef CLIENT_CLI_RECORDS_H
#define CLIENT_CLI_RECORDS_H

#include <stdbool.h>

#include "client/cli/lines.h"
#include "hardminer/v1/miner.pb-c.h"
#include "proto/arena.h"

enum code record_document(
	const struct lines *l, struct arena *arena, Pb__Document **out, struct error *e);
enum code record_query(
	const struct lines *l, struct arena *arena, Pb__Query **out, struct error *e);
/* *out is NULL for a heading and for a grade of 0 or below, which *graded tells apart. */
enum code record_positive(const struct lines *l, struct arena *arena, Pb__Positive **out,
	bool *graded, struct error *e);

#endif
