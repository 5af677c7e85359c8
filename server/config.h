/*
 * What a daemon may be told, from one table (config.c): each key is a line of the configuration
 * file, an environment variable and a flag. Later ones win:
 *
 *   defaults  <  --config FILE  <  HARDMINER_HTTP_LISTEN=...  <  --http-listen ...
 *
 * The file is lines of `key = value`; `#` begins a comment. Unknown keys and flags and bad values
 * are errors, and all of them are told at once.
 */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/buf.h"

enum { CONFIG_KEYS = 18 };

struct config {
	/* text, owned */
	char *config, *data_dir, *http_listen, *grpc_listen, *log_level;
	/* numbers; times in milliseconds */
	uint64_t workers, quick_threads, heavy_queue, quick_queue, keep_generations;
	uint64_t http_max_connections, http_per_ip, http_head_ms, http_idle_ms;
	uint64_t body_bytes, default_timeout_ms, drain_timeout_ms;
	bool insecure;

	const char *origins[CONFIG_KEYS]; /* "default", "file", "environment", "flag": row by row */
};

/* What the command line asks for. */
enum config_action { CONFIG_RUN, CONFIG_CHECK, CONFIG_PRINT, CONFIG_HELP, CONFIG_VERSION };

/* False with one sentence a line in `errors`. What it filled in is for config_free either way. */
bool config_load(struct config *c, int argc, char **argv, char **environment,
	enum config_action *action, struct buf *errors);
void config_free(struct config *c);

/* Every key with its value and where that came from: a configuration file. */
void config_print(const struct config *c, struct buf *to);
void config_help(struct buf *to);

#endif
