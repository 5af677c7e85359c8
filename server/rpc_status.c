#include "server/rpc_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hardminer/internal/rich_status.pb-c.h"
#include "proto/buf.h"

#define PUBLIC "type.googleapis.com/google.rpc."

/* Appends one detail under its public name; what the struct buf holds must outlive packing. */
static void add_detail(Wire__Status *status, Wire__Any *any, const char *url,
	const ProtobufCMessage *detail, struct buf *bytes)
{
	wire__any__init(any);
	protobuf_c_message_pack_to_buffer(detail, &bytes->pb);
	any->type_url = url;
	any->value = (ProtobufCBinaryData){bytes->len, (uint8_t *)bytes->data};
	status->details[status->n_details++] = any;
}

static void add_error_info(Wire__Status *status, Wire__Any *any, const struct error *e,
	const char *request_id, struct buf *bytes)
{
	Wire__ErrorInfo info = WIRE__ERROR_INFO__INIT;
	Wire__ErrorInfo__MetadataEntry id = WIRE__ERROR_INFO__METADATA_ENTRY__INIT;
	Wire__ErrorInfo__MetadataEntry *metadata[] = {&id};

	info.reason = e->reason;
	info.domain = "hardminer";
	id.key = "request_id";
	id.value = request_id;
	info.n_metadata = request_id[0] != 0;
	info.metadata = metadata;
	add_detail(status, any, PUBLIC "ErrorInfo", &info.base, bytes);
}

static void add_bad_request(
	Wire__Status *status, Wire__Any *any, const struct error *e, struct buf *bytes)
{
	Wire__BadRequest bad = WIRE__BAD_REQUEST__INIT;
	Wire__BadRequest__FieldViolation violation = WIRE__BAD_REQUEST__FIELD_VIOLATION__INIT;
	Wire__BadRequest__FieldViolation *violations[] = {&violation};

	violation.field = e->field;
	violation.description = e->text;
	bad.n_field_violations = 1;
	bad.field_violations = violations;
	add_detail(status, any, PUBLIC "BadRequest", &bad.base, bytes);
}

static void add_retry_info(
	Wire__Status *status, Wire__Any *any, const struct error *e, struct buf *bytes)
{
	Wire__RetryInfo retry = WIRE__RETRY_INFO__INIT;
	Wire__Duration delay = WIRE__DURATION__INIT;

	delay.seconds = e->retry_after_ms / 1000;
	delay.nanos = (int32_t)(e->retry_after_ms % 1000) * 1000000;
	retry.retry_delay = &delay;
	add_detail(status, any, PUBLIC "RetryInfo", &retry.base, bytes);
}

/* The google.rpc.Status; an empty buf, failed, when memory is out. */
static void describe(const struct error *e, const char *request_id, struct buf *out)
{
	Wire__Status status = WIRE__STATUS__INIT;
	Wire__Any anys[3], *details[3];
	struct buf bytes[3];

	for (size_t i = 0; i < 3; i++)
		buf_init(&bytes[i]);
	status.code = e->code;
	status.message = e->text;
	status.details = details;
	add_error_info(&status, &anys[0], e, request_id, &bytes[0]);
	if (e->field[0])
		add_bad_request(&status, &anys[1], e, &bytes[1]);
	if (e->retry_after_ms)
		add_retry_info(&status, &anys[2], e, &bytes[2]);
	protobuf_c_message_pack_to_buffer(&status.base, &out->pb);
	for (size_t i = 0; i < 3; i++) {
		out->failed |= bytes[i].failed;
		buf_free(&bytes[i]);
	}
}

static void add_trailing(struct rpc_status *s, const char *key, grpc_slice value)
{
	s->trailing[s->n_trailing].key = grpc_slice_from_static_string(key);
	s->trailing[s->n_trailing++].value = value;
}

void rpc_status_make(struct rpc_status *s, const struct error *e, const char *request_id)
{
	struct buf details;

	*s = (struct rpc_status){.code = (grpc_status_code)e->code, .text = grpc_empty_slice()};
	if (e->code == OK)
		return;
	s->text = grpc_slice_from_copied_string(e->text);
	buf_init(&details);
	describe(e, request_id, &details);
	if (!details.failed)
		add_trailing(s, "grpc-status-details-bin",
			grpc_slice_from_copied_buffer(details.data, details.len));
	buf_free(&details);
	if (e->retry_after_ms) {
		char seconds[16];
		/* Rounded up: nobody shall come back too early. */
		snprintf(seconds, sizeof seconds, "%u", (e->retry_after_ms - 1) / 1000 + 1);
		add_trailing(s, "retry-after", grpc_slice_from_copied_string(seconds));
	}
}

void rpc_status_free(struct rpc_status *s)
{
	grpc_slice_unref(s->text);
	for (size_t i = 0; i < s->n_trailing; i++)
		grpc_slice_unref(s->trailing[i].value);
	*s = (struct rpc_status){0};
}
