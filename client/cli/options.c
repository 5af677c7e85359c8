#include "client/cli/options.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct option *find(const struct options *o, const char *name, size_t len)
{
	for (size_t t = 0; t < 2; t++)
		for (const struct option *at = o->tables[t]; at && at->name; at++)
			if (strlen(at->name) == len && !memcmp(at->name, name, len))
				return at;
	return NULL;
}

static bool is_given(const struct options *o, const struct option *option)
{
	for (size_t i = 0; i < o->n_given; i++)
		if (o->given[i].option == option)
			return true;
	return false;
}

static enum code usage(struct error *e, const struct option *option, const char *sentence)
{
	error_set(e, INVALID_ARGUMENT, "USAGE", "--%s %s", option->name, sentence);
	return error_field(e, "--%s", option->name);
}

static enum code add(
	struct options *o, const struct option *option, const char *value, struct error *e)
{
	if (option->kind != OPTION_MANY && is_given(o, option))
		return usage(e, option, "is given twice.");
	if (o->n_given == OPTIONS_GIVEN)
		return usage(e, option, "is given too often; put the values into a file.");
	o->given[o->n_given++] = (struct option_given){option, value};
	return OK;
}

/* One argument that begins with "--"; takes the next one too when it is the value. */
static enum code take_option(struct options *o, int argc, char **argv, int *at, struct error *e)
{
	const char *name = argv[*at] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct option *option = find(o, name, len);

	if (!option) {
		error_set(e, INVALID_ARGUMENT, "USAGE",
			"There is no option --%.*s here; --help lists those there are.", (int)len,
			name);
		return error_field(e, "--%.*s", (int)len, name);
	}
	++*at;
	if (!option->value && !equals)
		return add(o, option, "true", e);
	if (!option->value && option->kind != OPTION_FIELD)
		return usage(e, option, "takes no value.");
	if (equals)
		return add(o, option, equals + 1, e);
	if (*at == argc)
		return usage(e, option, "needs a value.");
	return add(o, option, argv[(*at)++], e);
}

static enum code take_word(struct options *o, const char *word, struct error *e)
{
	if (o->n_words == OPTIONS_WORDS)
		return error_set(e, INVALID_ARGUMENT, "USAGE",
			"\"%s\" is one word too many; --help says what goes here.", word);
	o->words[o->n_words++] = word;
	return OK;
}

enum code options_parse(
	struct options *o, int argc, char **argv, bool until_word, int *used, struct error *e)
{
	bool only_words = false;
	int at = 0;

	while (at < argc) {
		bool dashed = argv[at][0] == '-' && argv[at][1] == '-' && !only_words;
		if (dashed && !argv[at][2]) {
			only_words = true;
			at++;
		} else if (dashed) {
			if (take_option(o, argc, argv, &at, e))
				return e->code;
		} else if (until_word) {
			break;
		} else if (take_word(o, argv[at++], e)) {
			return e->code;
		}
	}
	*used = at;
	return OK;
}

const char *options_value(const struct options *o, const char *name)
{
	const struct option *option = find(o, name, strlen(name));

	assert(option);
	for (size_t i = o->n_given; i-- > 0;)
		if (o->given[i].option == option)
			return o->given[i].value;
	return option->assumed;
}

bool options_has(const struct options *o, const char *name)
{
	return is_given(o, find(o, name, strlen(name)));
}

enum code options_need(const struct options *o, const char *name, const char *with, struct error *e)
{
	if (!options_has(o, name) || options_has(o, with))
		return OK;
	error_set(e, INVALID_ARGUMENT, "USAGE", "--%s means nothing without --%s.", name, with);
	return error_field(e, "--%s", name);
}

enum code options_number(
	const struct options *o, const char *name, uint64_t max, uint64_t *out, struct error *e)
{
	const char *text = options_value(o, name);
	char *end;

	if (!text)
		return OK;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno || *end || end == text || text[0] == '-' || n > max) {
		error_set(e, INVALID_ARGUMENT, "USAGE",
			"--%s must be a whole number of at most %llu; \"%s\" is not.", name,
			(unsigned long long)max, text);
		return error_field(e, "--%s", name);
	}
	*out = n;
	return OK;
}

static void join(const char *const *choices, char *to, size_t size)
{
	size_t used = 0;

	to[0] = 0;
	for (; *choices && used < size; choices++)
		used += (size_t)snprintf(
			to + used, size - used, "%s%s", used ? ", " : "", *choices);
}

enum code options_choice(const struct options *o, const char *name, const char *const *choices,
	size_t *out, struct error *e)
{
	const char *text = options_value(o, name);
	char all[160];

	for (size_t i = 0; choices[i]; i++)
		if (!strcmp(text, choices[i])) {
			*out = i;
			return OK;
		}
	join(choices, all, sizeof all);
	error_set(e, INVALID_ARGUMENT, "USAGE", "--%s must be one of %s; \"%s\" is not.", name, all,
		text);
	return error_field(e, "--%s", name);
}

void options_help(const struct option *table, FILE *to)
{
	for (const struct option *at = table; at->name; at++) {
		char left[64];
		snprintf(left, sizeof left, "--%s%s%s", at->name, at->value ? " " : "",
			at->value ? at->value : "");
		fprintf(to, "  %-27s %s", left, at->help);
		if (at->assumed)
			fprintf(to, " (%s)", at->assumed);
		fputs(at->kind == OPTION_MANY ? " (may be repeated)\n" : "\n", to);
	}
}
