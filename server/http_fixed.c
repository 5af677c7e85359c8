/* Pages that are no operations: answered on the loop, whatever the workers do. */
#include <string.h>

#include "server/http_server.h"
#include "server/metrics.h"
#include "server/openapi.h"

static unsigned livez(const struct http *h, struct buf *to)
{
	(void)h;
	buf_str(to, "ok\n");
	return MHD_HTTP_OK;
}

static unsigned readyz(const struct http *h, struct buf *to)
{
	const struct daemon *d = h->daemon;

	buf_str(to, d->ready ? "ready\n" : d->draining ? "draining\n" : "starting\n");
	return d->ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned metrics(const struct http *h, struct buf *to)
{
	metrics_write(h->daemon->metrics, h->daemon, to);
	buf_printf(to,
		"# HELP hardminer_http_refused_total HTTP requests that never became an "
		"operation.\n"
		"# TYPE hardminer_http_refused_total counter\n"
		"hardminer_http_refused_total %llu\n",
		(unsigned long long)h->refused);
	return MHD_HTTP_OK;
}

static unsigned openapi(const struct http *h, struct buf *to)
{
	(void)h;
	openapi_write(to);
	return MHD_HTTP_OK;
}

static const struct {
	const char *path, *type;
	unsigned (*write)(const struct http *h, struct buf *to);
} pages[] = {
	{"/livez", "text/plain; charset=utf-8", livez},
	{"/readyz", "text/plain; charset=utf-8", readyz},
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics},
	{"/openapi.json", "application/json", openapi},
};

bool fixed_answer(struct request *r, const char *method, enum MHD_Result *result)
{
	struct buf body;

	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		if (strcmp(r->uri, pages[i].path) != 0)
			continue;
		r->route.allowed = 1u << GET;
		if (strcmp(method, "GET") != 0 && !r->head)
			return false;
		buf_init(&body);
		unsigned status = pages[i].write(r->http, &body);
		*result = reply_bytes(r, status, pages[i].type, &body);
		buf_free(&body);
		return true;
	}
	return false;
}
