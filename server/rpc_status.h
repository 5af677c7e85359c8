/*
 * A struct error as gRPC says it: code, sentence, and in the trailing metadata a google.rpc.Status
 * with ErrorInfo, BadRequest when a field is at fault and RetryInfo when trying again may help.
 */
#ifndef SERVER_RPC_STATUS_H
#define SERVER_RPC_STATUS_H

#include <grpc/grpc.h>
#include <stddef.h>

#include "proto/error.h"

struct rpc_status {
	grpc_status_code code;
	grpc_slice text;
	grpc_metadata trailing[2]; /* details, retry-after */
	size_t n_trailing;
};

/* Needs little memory; when even that is out, the details are left away. */
void rpc_status_make(struct rpc_status *s, const struct error *e, const char *request_id);
void rpc_status_free(struct rpc_status *s); /* also a zeroed one */

#endif
