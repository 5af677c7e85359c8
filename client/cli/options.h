/*
 * A verb's arguments, from one table: what is parsed and what --help prints are the same rows.
 *
 *	--name VALUE, --name=VALUE, --switch; words in any place; after "--" everything is a word;
 *	a switch that is a field of the request may also be turned off: --switch=false
 *
 * Values point into argv. Errors are INVALID_ARGUMENT/USAGE with the option as field.
 */
#ifndef CLIENT_CLI_OPTIONS_H
#define CLIENT_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/error.h"

enum { OPTIONS_GIVEN = 1024, OPTIONS_WORDS = 16 };

enum option_kind {
	OPTION_PLAIN,
	OPTION_FIELD, /* sets the request's field of the same name, '_' for '-': see message.h */
	OPTION_MANY   /* may be given more than once */
};

struct option {
	const char *name;    /* without its dashes; NULL ends a table */
	const char *value;   /* what help calls the value; NULL for a switch */
	const char *assumed; /* the value when it is not given; NULL for none */
	const char *help;
	enum option_kind kind;
};

struct option_given {
	const struct option *option;
	const char *value; /* "true" for a switch */
};

struct options {
	const struct option *tables[2]; /* the verb's, then what every verb takes */
	struct option_given given[OPTIONS_GIVEN];
	size_t n_given;
	const char *words[OPTIONS_WORDS];
	size_t n_words;
};

/* Reads argv up to its end, or with `until_word` up to the first word; returns how far in *used. */
enum code options_parse(
	struct options *o, int argc, char **argv, bool until_word, int *used, struct error *e);

/* What would be ignored is a slip: INVALID_ARGUMENT at --name when it is given without --with. */
enum code options_need(
	const struct options *o, const char *name, const char *with, struct error *e);

/* The value given last, else the assumed one, else NULL. The name must be in a table. */
const char *options_value(const struct options *o, const char *name);
bool options_has(const struct options *o, const char *name); /* given by the caller */
/* A whole number within bounds; `*out` stays as it is when the option is neither given nor assumed. */
enum code options_number(
	const struct options *o, const char *name, uint64_t max, uint64_t *out, struct error *e);
/* The value as an index into NULL-terminated `choices`. */
enum code options_choice(const struct options *o, const char *name, const char *const *choices,
	size_t *out, struct error *e);

void options_help(const struct option *table, FILE *to);

#endif
