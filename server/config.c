#include "server/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/limits.h"
#include "server/address.h"
#include "server/log.h"

enum kind { TEXT, NUMBER, SWITCH };

struct row {
	const char *key;   /* http_listen; HARDMINER_HTTP_LISTEN and --http-listen follow from it */
	const char *value; /* what it is by default; NULL: nothing */
	const char *help;
	enum kind kind;
	size_t offset;
	uint64_t least, most;
};

#define TEXT_ROW(key, value, help) \
	{ \
#key, value, help, TEXT, offsetof(struct config, key), 0, 0 \
	}
#define NUMBER_ROW(key, value, least, most, help) \
	{ \
#key, value, help, NUMBER, offsetof(struct config, key), least, most \
	}
#define SWITCH_ROW(key, help) \
	{ \
#key, "false", help, SWITCH, offsetof(struct config, key), 0, 0 \
	}

enum { DAY_MS = 24 * 3600 * 1000 };

static const struct row rows[CONFIG_KEYS] = {
	TEXT_ROW(config, NULL, "a file of `key = value` lines"),
	TEXT_ROW(data_dir, NULL, "where everything is kept; made when it is missing"),
	TEXT_ROW(http_listen, "127.0.0.1:7070", "HOST:PORT for REST; port 0 picks a free one"),
	TEXT_ROW(grpc_listen, "127.0.0.1:7071", "HOST:PORT or unix:/path for gRPC"),
	SWITCH_ROW(insecure, "allow addresses that other machines can reach, without any "
			     "authentication"),
	TEXT_ROW(log_level, "info", "error, warn, info or debug"),
	NUMBER_ROW(workers, "0", 0, 1024, "computing threads; 0: one a core"),
	NUMBER_ROW(quick_threads, "64", 1, 1024, "threads that wait for storage"),
	NUMBER_ROW(heavy_queue, "256", 1, 1000000, "computing requests that may wait for a thread"),
	NUMBER_ROW(quick_queue, "4096", 1, 1000000, "storage requests that may wait for a thread"),
	NUMBER_ROW(keep_generations, "2", 2, 1000, "published generations kept on disk"),
	NUMBER_ROW(body_bytes, "67108864", 1024, LIMIT_BODY_BYTES, "the largest HTTP body"),
	NUMBER_ROW(http_max_connections, "1024", 2, 65536, "HTTP connections at once"),
	NUMBER_ROW(http_per_ip, "256", 1, 65536, "HTTP connections at once from one address"),
	NUMBER_ROW(http_head_ms, "10000", 100, DAY_MS, "time for a request's line and headers"),
	NUMBER_ROW(http_idle_ms, "60000", 1000, DAY_MS, "time a connection may be silent"),
	NUMBER_ROW(default_timeout_ms, "300000", 1, DAY_MS,
		"deadline of a request that brings none; streams have none then"),
	NUMBER_ROW(drain_timeout_ms, "30000", 0, DAY_MS,
		"time for running requests when the daemon is told to stop"),
};

/* What is being read: who says so, and where complaints go. */
struct reading {
	struct config *config;
	const char *origin;
	struct buf *errors;
};

static void *field(const struct config *c, const struct row *row)
{
	return (char *)c + row->offset;
}

/* Flags are spelled with '-', keys with '_'. */
static const struct row *row_named(const char *name, size_t len)
{
	for (const struct row *row = rows; row < rows + CONFIG_KEYS; row++) {
		size_t i = 0;
		while (i < len && row->key[i] &&
			(name[i] == row->key[i] || (name[i] == '-' && row->key[i] == '_')))
			i++;
		if (i == len && !row->key[i])
			return row;
	}
	return NULL;
}

static bool set_number(const struct row *row, const char *value, uint64_t *out)
{
	char *rest;

	errno = 0;
	uint64_t n = strtoull(value, &rest, 10);
	if (*value < '0' || *value > '9' || *rest || errno || n < row->least || n > row->most)
		return false;
	*out = n;
	return true;
}

static bool set_switch(const char *value, bool *out)
{
	bool on = !strcmp(value, "true") || !strcmp(value, "1");

	if (!on && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
		return false;
	*out = on;
	return true;
}

static bool set_text(const char *value, char **out)
{
	char *copy = strdup(value);

	if (!copy)
		return false;
	free(*out);
	*out = copy;
	return true;
}

/* `where` is how the reader of the complaint finds the value: "FILE:3", "--workers". */
static void set(
	const struct reading *r, const struct row *row, const char *where, const char *value)
{
	void *at = field(r->config, row);

	r->config->origins[row - rows] = r->origin;
	if (row->kind == NUMBER && !set_number(row, value, at))
		buf_printf(r->errors,
			"%s: %s must be a number from %" PRIu64 " to %" PRIu64 ", not \"%s\".\n",
			where, row->key, row->least, row->most, value);
	else if (row->kind == SWITCH && !set_switch(value, at))
		buf_printf(r->errors, "%s: %s must be true or false, not \"%s\".\n", where,
			row->key, value);
	else if (row->kind == TEXT && !set_text(value, at))
		r->errors->failed = true;
}

static void set_defaults(const struct reading *r)
{
	for (const struct row *row = rows; row < rows + CONFIG_KEYS; row++)
		if (row->value)
			set(r, row, row->key, row->value);
		else
			r->config->origins[row - rows] = r->origin;
}

static char *trim(char *s)
{
	char *end;

	s += strspn(s, " \t\r\n");
	end = s + strlen(s);
	while (end > s && strchr(" \t\r\n", end[-1]))
		*--end = 0;
	return s;
}

/* A comment begins a line or follows white space, so that a path may hold a '#'. */
static void cut_comment(char *line)
{
	for (char *s = line; *s; s++)
		if (*s == '#' && (s == line || s[-1] == ' ' || s[-1] == '\t')) {
			*s = 0;
			return;
		}
}

static void read_line(const struct reading *r, const char *where, char *line, bool seen[])
{
	cut_comment(line);
	line = trim(line);
	if (!*line)
		return;
	char *equals = strchr(line, '=');
	if (!equals) {
		buf_printf(r->errors, "%s: \"%s\" is not `key = value`.\n", where, line);
		return;
	}
	*equals = 0;
	char *key = trim(line);
	const struct row *row = row_named(key, strlen(key));
	if (!row || row == rows)
		buf_printf(r->errors, "%s: there is no key \"%s\".\n", where, key);
	else if (seen[row - rows])
		buf_printf(r->errors, "%s: %s is set twice.\n", where, row->key);
	else
		set(r, row, where, trim(equals + 1));
	if (row)
		seen[row - rows] = true;
}

static void read_file(struct reading r, const char *path)
{
	bool seen[CONFIG_KEYS] = {false};
	char *line = NULL, where[512];
	size_t size = 0;
	FILE *f = fopen(path, "re");

	r.origin = "file";
	if (!f) {
		buf_printf(r.errors, "%s: %s.\n", path, strerror(errno));
		return;
	}
	for (int n = 1; getline(&line, &size, f) >= 0; n++) {
		snprintf(where, sizeof where, "%s:%d", path, n);
		read_line(&r, where, line, seen);
	}
	free(line);
	fclose(f);
}

/* HARDMINER_... variables that are no keys are left alone: Kubernetes makes some for a service of
 * that name. */
static void read_environment(struct reading r, char **environment)
{
	static const char prefix[] = "HARDMINER_";

	r.origin = "environment";
	for (; *environment; environment++) {
		const char *equals = strchr(*environment, '=');
		char key[64], where[80];
		size_t len;
		if (!equals || strncmp(*environment, prefix, sizeof prefix - 1) != 0)
			continue;
		len = (size_t)(equals - *environment) - (sizeof prefix - 1);
		if (len >= sizeof key)
			continue;
		for (size_t i = 0; i < len; i++) {
			char c = (*environment)[sizeof prefix - 1 + i];
			key[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
		}
		const struct row *row = row_named(key, len);
		snprintf(where, sizeof where, "%.*s", (int)(equals - *environment), *environment);
		if (row)
			set(&r, row, where, equals + 1);
	}
}

static const struct {
	const char *flag;
	enum config_action action;
} actions[] = {
	{"--help", CONFIG_HELP},
	{"-h", CONFIG_HELP},
	{"--version", CONFIG_VERSION},
	{"--check-config", CONFIG_CHECK},
	{"--print-config", CONFIG_PRINT},
};

static bool is_action(const char *arg, enum config_action *action)
{
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
		if (!strcmp(arg, actions[i].flag)) {
			*action = actions[i].action;
			return true;
		}
	return false;
}

/* One flag at argv[i]; returns how many arguments it took. */
static int read_flag(const struct reading *r, char **argv, int i, enum config_action *action)
{
	const char *arg = argv[i], *equals = strchr(arg, '=');
	size_t len = equals ? (size_t)(equals - arg) : strlen(arg);

	if (is_action(arg, action))
		return 1;
	const struct row *row =
		len > 2 && !strncmp(arg, "--", 2) ? row_named(arg + 2, len - 2) : NULL;
	if (!row) {
		buf_printf(r->errors, "%s: there is no such flag; --help lists them.\n", arg);
		return 1;
	}
	char where[64];
	snprintf(where, sizeof where, "%.*s", (int)len, arg);
	if (equals || row->kind == SWITCH) {
		set(r, row, where, equals ? equals + 1 : "true");
		return 1;
	}
	if (!argv[i + 1]) {
		buf_printf(r->errors, "%s: its value is missing.\n", where);
		return 1;
	}
	set(r, row, where, argv[i + 1]);
	return 2;
}

static void read_flags(struct reading r, int argc, char **argv, enum config_action *action)
{
	r.origin = "flag";
	for (int i = 1; i < argc;)
		i += read_flag(&r, argv, i, action);
}

/* The file is named by a flag or the environment, which override it: so they are read twice, and
 * complaints of the first time are dropped. */
static const char *find_file(struct reading r, int argc, char **argv, char **environment)
{
	enum config_action ignored;
	struct buf dropped;

	buf_init(&dropped);
	r.errors = &dropped;
	read_environment(r, environment);
	read_flags(r, argc, argv, &ignored);
	buf_free(&dropped);
	return r.config->config;
}

static void check_address(const struct reading *r, const char *key, const char *text)
{
	struct address a;
	struct error e;

	if (!strcmp(key, "grpc_listen") && address_is_file(text))
		return;
	if (address_resolve(text, &a, &e))
		buf_printf(r->errors, "%s: %s\n", key, e.text);
	else if (!address_is_loopback(&a) && !r->config->insecure)
		buf_printf(r->errors,
			"%s: other machines can reach %s, where nothing is encrypted and nobody is "
			"asked for a key: listen on 127.0.0.1 behind a proxy that does both, or "
			"accept that anyone may read and delete everything with --insecure.\n",
			key, text);
}

static void check(const struct reading *r)
{
	const struct config *c = r->config;
	enum log_level level;

	if (!c->data_dir || !*c->data_dir)
		buf_str(r->errors, "data_dir: missing; say where data is kept, as in --data-dir "
				   "/var/lib/hardminer.\n");
	if (!log_level_named(c->log_level, &level))
		buf_printf(r->errors,
			"log_level: must be error, warn, info or debug, not \"%s\".\n",
			c->log_level);
	check_address(r, "http_listen", c->http_listen);
	check_address(r, "grpc_listen", c->grpc_listen);
}

bool config_load(struct config *c, int argc, char **argv, char **environment,
	enum config_action *action, struct buf *errors)
{
	struct reading r = {c, "default", errors};

	*c = (struct config){0};
	*action = CONFIG_RUN;
	set_defaults(&r);
	const char *path = find_file(r, argc, argv, environment);
	if (path)
		read_file(r, path);
	read_environment(r, environment);
	read_flags(r, argc, argv, action);
	if (*action == CONFIG_HELP || *action == CONFIG_VERSION) {
		buf_reset(errors);
		return true;
	}
	if (!errors->failed)
		check(&r);
	if (!c->workers)
		c->workers = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
	return !errors->len && !errors->failed;
}

void config_free(struct config *c)
{
	for (const struct row *row = rows; row < rows + CONFIG_KEYS; row++)
		if (row->kind == TEXT)
			free(*(char **)field(c, row));
	*c = (struct config){0};
}

static void print_value(const struct config *c, const struct row *row, struct buf *to)
{
	const void *at = field(c, row);

	if (row->kind == NUMBER)
		buf_printf(to, "%" PRIu64, *(const uint64_t *)at);
	else if (row->kind == SWITCH)
		buf_str(to, *(const bool *)at ? "true" : "false");
	else
		buf_str(to, *(char *const *)at);
}

void config_print(const struct config *c, struct buf *to)
{
	for (const struct row *row = rows + 1; row < rows + CONFIG_KEYS; row++) {
		if (row->kind == TEXT && !*(char *const *)field(c, row))
			continue;
		buf_printf(to, "%s = ", row->key);
		print_value(c, row, to);
		buf_printf(to, " # %s\n", c->origins[row - rows]);
	}
}

void config_help(struct buf *to)
{
	buf_str(to, "Usage: hardminerd --data-dir DIR [FLAG...]\n\n"
		    "Every flag is also a key of the configuration file (http_listen) and an "
		    "environment\nvariable (HARDMINER_HTTP_LISTEN); flags win over those, and they "
		    "over the file.\n\n");
	for (const struct row *row = rows; row < rows + CONFIG_KEYS; row++) {
		char flag[40] = "--";
		for (size_t i = 0; row->key[i] && i < sizeof flag - 3; i++)
			flag[2 + i] = row->key[i] == '_' ? '-' : row->key[i];
		buf_printf(to, "  %-24s %s", flag, row->help);
		if (row->value && row->kind != SWITCH)
			buf_printf(to, " (default %s)", row->value);
		buf_char(to, '\n');
	}
	buf_str(to, "  --check-config           check and exit: 0 good, 2 not\n"
		    "  --print-config           every key with its value and where it came from\n"
		    "  --version\n  --help\n");
}
