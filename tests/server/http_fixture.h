/*
 * The HTTP server on a loop and a thread of its own, with a few operations instead of the table and
 * no storage; and a client that writes what it likes.
 *
 *   GET|POST /v1/tell             page_size comes back doubled as workers, page_token as version;
 *                                 the token "fail" fails
 *   POST /v1/of/{collection}:tell the same
 *   POST /v1/wait                 the same, once handler_may_go
 *   POST /v1/linger               until it is cancelled
 *   GET /v1/numbers               page_size lines; then fails when there is a token
 *   POST /v1/store/{collection}/{generation}  says what it was given
 */
#ifndef TESTS_SERVER_HTTP_FIXTURE_H
#define TESTS_SERVER_HTTP_FIXTURE_H

#include <semaphore.h>
#include <stdatomic.h>

#include "server/call.h"
#include "server/http.h"
#include "tests/runner.h"

enum { MOST = 4096, WAIT_MS = 20000 }; /* the largest body; no test waits longer */

extern struct daemon d;
extern char bound[ADDRESS_TEXT];
extern sem_t handler_began, handler_may_go, handler_ended;
extern atomic_int handled;  /* calls of `tell` */
extern atomic_uint emitted; /* lines of /v1/numbers */

void http_setup(void);
void http_teardown(void);

int dial(void);
void say(int fd, const char *text);
/* What the server says until it closes; closes. Valid until the next call. */
const char *hear(int fd);
const char *ask(const char *text);
/* Asserts the beginning of the status line and that `part` is in the answer. */
void answers(const char *request, const char *status, const char *part);

#define HOST "Host: h\r\n"
#define CLOSE HOST "Connection: close\r\n"

#endif
