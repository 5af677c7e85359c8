/* The HTTP server as its own files see it: http.c and http_*.c. Loop only, where not said. */
#ifndef SERVER_HTTP_SERVER_H
#define SERVER_HTTP_SERVER_H

#include <microhttpd.h>
#include <uv.h>

#include "server/call.h"
#include "server/http.h"
#include "server/http_route.h"

struct page;

struct http {
	struct daemon *daemon;
	struct MHD_Daemon *mhd;
	uv_poll_t readable;
	uv_timer_t timer;
	uv_prepare_t before_poll;
	uv_check_t after_poll;
	unsigned closing; /* handles that are not closed yet */
	bool resumed;	  /* a connection waits for MHD_run */
	bool stopping;
	int64_t swept_ms;
	struct peer *peers;
	size_t requests;  /* between the request line and the last byte of the answer */
	size_t held;	  /* bytes of bodies in memory */
	uint64_t refused; /* requests that never became a call */
};

/* A connection. libmicrohttpd's timeout counts silence only, so its age is watched here. */
struct peer {
	int fd;
	bool used;	  /* it had a request before */
	int64_t since_ms; /* it was accepted, or its last request ended */
	struct request *request;
	struct peer *next, **prev;
};

enum request_state {
	REQUEST_HEAD,	   /* the request line is here */
	REQUEST_BODY,	   /* the headers are good */
	REQUEST_WORKING,   /* a call; the connection is suspended */
	REQUEST_STREAMING, /* a call that has begun to answer */
	REQUEST_REPLYING   /* the answer is on its way */
};

enum body_format { BODY_JSON, BODY_LINES, BODY_RAW };

/*
 * One request. Its connection holds it until libmicrohttpd says that it is completed, its call until
 * it has replied; the last of the two frees it.
 */
struct request {
	struct call call; /* first; zero but for its id until the body is here */
	struct http *http;
	struct MHD_Connection *connection; /* NULL when it is gone */
	struct peer *peer;
	char *uri, *query; /* our copy; the query string without '?', or NULL */
	struct route route;
	enum request_state state;
	int64_t since_ms; /* of this state; when streaming, of the last bytes taken */
	bool suspended;
	bool in_call;		 /* the call has not replied yet */
	bool head;		 /* HEAD: the answer's head alone */
	bool options;		 /* OPTIONS: the verbs that the path takes */
	const struct page *page; /* instead of an operation, or NULL */
	enum body_format format;
	struct buf body;
	bool over_limit, over_budget;
	size_t size; /* of the answer in bytes */

	/* A stream's lines between worker and loop (http_stream.c). */
	uv_mutex_t lock;
	uv_cond_t taken;
	struct buf lines, sending; /* lines under the lock; sending is the loop's */
	size_t sent;		   /* of `sending` */
	bool woken, ended;	   /* mail is on its way; nothing more comes */
	struct mail mail;
};

extern const struct transport http_transport;

/* http.c */
struct peer *http_peer(struct MHD_Connection *connection);
void http_suspend(struct request *r);
void http_resume(struct request *r);

/* http_request.c: libmicrohttpd's callbacks. */
void *http_begin(void *http, const char *uri, struct MHD_Connection *connection);
enum MHD_Result http_access(void *http, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **request);
void http_completed(void *http, struct MHD_Connection *connection, void **request,
	enum MHD_RequestTerminationCode how);
/* The call has replied, or the connection is gone: frees the request when both are so. */
void request_release(struct request *r);

/* http_head.c: what a request's headers say. Each refuses what HTTP leaves open to be understood in
 * two ways. */
enum code head_check(struct request *r, const char *version, struct error *e);
enum code head_read(struct request *r, struct error *e); /* of a call: body, deadline */
bool head_has_body(struct request *r);
bool head_wants_lines(struct request *r);
void head_request_id(struct request *r);

/* http_decode.c; worker */
enum code http_decode(struct call *c, ProtobufCMessage **req);
enum code http_encode(struct call *c, const ProtobufCMessage *res);

/* http_reply.c. To be called in the access handler or while the connection is suspended. */
enum MHD_Result reply_bytes(
	struct request *r, unsigned status, const char *type, struct buf *bytes);
enum MHD_Result reply_error(struct request *r, const struct error *e);
enum MHD_Result reply_response(struct request *r, unsigned status, struct MHD_Response *response);
enum MHD_Result reply_allow(struct request *r);
void error_write(const struct error *e, const char *request_id, struct buf *to);
void http_reply(struct call *c);

/* http_stream.c */
enum code http_emit(struct call *c, const ProtobufCMessage *m); /* worker */
void stream_init(struct request *r);
void stream_free(struct request *r);
void stream_wake(struct request *r); /* the call was cancelled: an emit may wait */
void stream_end(struct request *r);  /* the call has ended */

/* http_fixed.c: livez, readyz, metrics, openapi.json. */
const struct page *page_find(const char *path); /* or NULL */
enum MHD_Result reply_page(struct request *r);

#endif
