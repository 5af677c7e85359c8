/*
 * The OpenAPI 3.1 document of the REST routes, made from the operation table and the schema's
 * descriptors alone: a new operation or field is in it without a line here. Any thread.
 */
#ifndef SERVER_OPENAPI_H
#define SERVER_OPENAPI_H

#include "proto/buf.h"

/* Appends the document as JSON, about 30 kB. Failure sticks in `to`. */
void openapi_write(struct buf *to);

#endif
