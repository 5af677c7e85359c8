/* hardminer: the command line of hardminerd. One table of verbs; each is a file of its own. */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/session.h"
#include "proto/json.h"

#define DEFAULT_SERVER "127.0.0.1:7071"

enum { SESSION_MEMORY = 1 << 30 };

static const struct command *const commands[] = {&command_import, &command_encode, &command_mine,
	&command_export, &command_jobs, &command_call, &command_info};

enum { COMMANDS = sizeof commands / sizeof *commands };

static const struct option common[] = {
	{"server", "HOST:PORT", NULL,
		"of the daemon's gRPC; else $HARDMINER_SERVER, else " DEFAULT_SERVER},
	{"output", "FORMAT", "table", "table, json or ndjson"},
	{"quiet", NULL, NULL, "no progress lines"},
	{"help", NULL, NULL, "this text"},
	{"version", NULL, NULL, "the version of this program"},
	{NULL},
};

/* What a failure means to the shell; the general help prints these rows. */
static const struct {
	int status;
	const char *when;
	enum code codes[4];
} exits[] = {
	{0, "done", {OK}},
	{1, "it failed for another reason than these", {UNKNOWN}},
	{2, "the command line or the data given is not valid", {INVALID_ARGUMENT, OUT_OF_RANGE}},
	{3, "a file, collection, document, set or job is not there", {NOT_FOUND}},
	{4, "the daemon is not there or has no room", {UNAVAILABLE, RESOURCE_EXHAUSTED}},
	{5, "the caller may not do this", {PERMISSION_DENIED, UNAUTHENTICATED}},
};

static int exit_status(enum code code)
{
	for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
		for (size_t c = 0; c < 4; c++)
			if (code && exits[i].codes[c] == code)
				return exits[i].status;
	return code ? 1 : 0;
}

static void general_help(FILE *to)
{
	fputs("usage: hardminer VERB [WORD ...] [--option ...]\n\nverbs:\n", to);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\noptions of every verb:\n", to);
	options_help(common, to);
	fputs("\nexit status:\n", to);
	for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
		fprintf(to, "  %d  %s\n", exits[i].status, exits[i].when);
	fputs("\n`hardminer VERB --help` says more.\n", to);
}

static void command_help(const struct command *command, FILE *to)
{
	fprintf(to, "usage: hardminer %s %s%s[--option ...]\n\n%s\n", command->name, command->words,
		*command->words ? " " : "", command->summary);
	if (command->details)
		fprintf(to, "\n%s\n", command->details);
	if (command->options->name) {
		fputs("\noptions:\n", to);
		options_help(command->options, to);
	}
	fputs("\noptions of every verb:\n", to);
	options_help(common, to);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* For people a sentence, for programs the error body that REST answers with. */
static void print_error(const struct error *e, bool as_json)
{
	Pb__Error body = PB__ERROR__INIT;
	struct buf text;

	if (!as_json) {
		fprintf(stderr, "hardminer: %s\n", e->text);
		if (e->field[0])
			fprintf(stderr, "  at %s\n", e->field);
		return;
	}
	body.has_code = 1;
	body.code = error_http_status(e);
	body.status = code_name(e->code);
	body.reason = e->reason;
	body.message = e->text;
	body.field = e->field[0] ? e->field : NULL;
	body.has_retry_after_ms = e->retry_after_ms != 0;
	body.retry_after_ms = e->retry_after_ms;
	buf_init(&text);
	json_write(&body.base, &text);
	fprintf(stderr, "{\"error\":%.*s}\n", (int)text.len, text.data);
	buf_free(&text);
}

static enum code check_words(
	const struct command *command, const struct options *o, struct error *e)
{
	if (o->n_words >= command->least && o->n_words <= command->most)
		return OK;
	return error_set(e, INVALID_ARGUMENT, "USAGE", "It is: hardminer %s %s", command->name,
		command->words);
}

static enum code run_command(
	const struct command *command, const struct options *o, struct session *s, struct error *e)
{
	const char *server = options_value(o, "server");

	if (!server)
		server = getenv("HARDMINER_SERVER");
	if (check_words(command, o, e) || hm_open(server ? server : DEFAULT_SERVER, &s->client, e))
		return e->code;
	arena_init(&s->arena, SESSION_MEMORY);
	enum code code = command->run(s, o, e);
	arena_free(&s->arena);
	hm_close(s->client);
	if (!code && (fflush(stdout) || ferror(stdout)))
		return error_set(e, INTERNAL, "IO_ERROR", "Could not write to standard output.");
	return code;
}

/* Options may stand before the verb as well as behind it. */
static enum code parse(
	int argc, char **argv, struct options *o, const struct command **command, struct error *e)
{
	int used;

	o->tables[0] = common;
	if (options_parse(o, argc, argv, true, &used, e))
		return e->code;
	if (used == argc)
		return OK;
	*command = find_command(argv[used]);
	if (!*command)
		return error_set(e, INVALID_ARGUMENT, "USAGE",
			"There is no verb \"%s\"; `hardminer --help` lists them.", argv[used]);
	o->tables[0] = (*command)->options;
	o->tables[1] = common;
	return options_parse(o, argc - used - 1, argv + used + 1, false, &used, e);
}

/* What only prints and needs no daemon; true when that was all. */
static bool print_only(const struct options *o, const struct command *command)
{
	if (options_has(o, "version")) {
		puts("hardminer " HARDMINER_VERSION);
		return true;
	}
	if (!options_has(o, "help"))
		return false;
	if (command)
		command_help(command, stdout);
	else
		general_help(stdout);
	return true;
}

int main(int argc, char **argv)
{
	static const char *const outputs[] = {"table", "json", "ndjson", NULL};
	struct options options = {0};
	struct session session = {0};
	const struct command *command = NULL;
	struct error e = {0};
	size_t output = AS_TABLE;

	setlocale(LC_CTYPE, ""); /* whether the terminal shows UTF-8; numbers stay as they are */
	enum code code = parse(argc - 1, argv + 1, &options, &command, &e);
	if (!code && print_only(&options, command))
		return EXIT_SUCCESS;
	if (!code && !command) {
		general_help(stderr);
		return exit_status(INVALID_ARGUMENT);
	}
	if (!code)
		code = options_choice(&options, "output", outputs, &output, &e);
	session.output = (enum output)output;
	session.quiet = !code && options_has(&options, "quiet");
	if (!code)
		code = run_command(command, &options, &session, &e);
	if (code)
		print_error(&e, session.output != AS_TABLE);
	return exit_status(code);
}
