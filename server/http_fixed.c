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

struct page {
	const char *path, *type;
	unsigned (*write)(const struct http *h, struct buf *to);
};

static const struct page pages[] = {
	{"/livez", "text/plain; charset=utf-8", livez},
	{"/readyz", "text/plain; charset=utf-8", readyz},
	{"/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics},
	{"/openapi.json", "application/json", openapi},
};

const struct page *page_find(const char *path)
{
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
		if (!strcmp(path, pages[i].path))
			return &pages[i];
	return NULL;
}

enum MHD_Result reply_page(struct request *r)
{
	struct buf body;

	buf_init(&body);
	unsigned status = r->page->write(r->http, &body);
	enum MHD_Result result = reply_bytes(r, status, r->page->type, &body);
	buf_free(&body);
	return result;
}
