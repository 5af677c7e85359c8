#include "proto/json_scalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/field.h"
#include "proto/scan.h"
#include "proto/utf8.h"

enum { QUOTED_BYTES = 40 }; /* of the caller's text, in a sentence */

static enum code not_whole(struct error *e, const char *text)
{
	return error_set(
		e, INVALID_ARGUMENT, "WRONG_TYPE", "Expected a whole number, found %.40s.", text);
}

static enum code out_of_range(struct error *e, const char *text, const char *range)
{
	return error_set(
		e, INVALID_ARGUMENT, "OUT_OF_RANGE", "%.40s does not fit: %s.", text, range);
}

/* The sign and magnitude of a whole number, however it is written. */
static enum code whole(const char *text, bool *negative, uint64_t *magnitude, struct error *e)
{
	*negative = text[0] == '-';
	const char *abs = text + *negative;

	errno = 0;
	if (abs[strspn(abs, "0123456789")] == 0) {
		*magnitude = strtoull(abs, NULL, 10);
	} else {
		double d = strtod(abs, NULL);
		if (d < 0x1p53 && d != trunc(d))
			return not_whole(e, text);
		if (d >= 0x1p53)
			errno = ERANGE;
		else
			*magnitude = (uint64_t)d;
	}
	if (errno == ERANGE)
		return out_of_range(e, text,
			"integers have at most 64 bits, and below 2^53 with a "
			"point or an exponent");
	return OK;
}

static enum code store_signed(const char *text, int bits, void *at, struct error *e)
{
	bool negative;
	uint64_t magnitude, most = (UINT64_C(1) << (bits - 1)) - 1;

	if (whole(text, &negative, &magnitude, e))
		return e->code;
	if (magnitude > most + negative)
		return out_of_range(e, text,
			bits == 32 ? "the range is -2147483648 to 2147483647"
				   : "the range is -9223372036854775808 to 9223372036854775807");
	int64_t value = (int64_t)(negative ? -magnitude : magnitude);
	if (bits == 32)
		*(int32_t *)at = (int32_t)value;
	else
		*(int64_t *)at = value;
	return OK;
}

static enum code store_unsigned(const char *text, int bits, void *at, struct error *e)
{
	bool negative;
	uint64_t magnitude;

	if (whole(text, &negative, &magnitude, e))
		return e->code;
	if ((negative && magnitude) || (bits == 32 && magnitude > UINT32_MAX))
		return out_of_range(e, text,
			bits == 32 ? "the range is 0 to 4294967295"
				   : "the range is 0 to 18446744073709551615");
	if (bits == 32)
		*(uint32_t *)at = (uint32_t)magnitude;
	else
		*(uint64_t *)at = magnitude;
	return OK;
}

static enum code store_float(const char *text, float *at, struct error *e)
{
	float value = strtof(text, NULL);

	if (!isfinite(value))
		return out_of_range(e, text, "a float reaches 3.4028235e38");
	*at = value;
	return OK;
}

static enum code store_double(const char *text, double *at, struct error *e)
{
	double value = strtod(text, NULL);

	if (!isfinite(value))
		return out_of_range(e, text, "a double reaches 1.7976931348623157e308");
	*at = value;
	return OK;
}

enum code scalar_number(
	const ProtobufCFieldDescriptor *f, const char *s, size_t len, void *at, struct error *e)
{
	char text[SCAN_NUMBER_BYTES + 1]; /* strtod wants a NUL, which the body need not have */

	memcpy(text, s, len);
	text[len] = 0;
	switch (f->type) {
	case PROTOBUF_C_TYPE_FLOAT:
		return store_float(text, at, e);
	case PROTOBUF_C_TYPE_DOUBLE:
		return store_double(text, at, e);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return store_signed(text, 32, at, e);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return store_unsigned(text, 32, at, e);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return store_unsigned(text, 64, at, e);
	default:
		return store_signed(text, 64, at, e);
	}
}

static bool names(const char *name, const char *s, size_t len)
{
	return strlen(name) == len && !strncasecmp(name, s, len);
}

static enum code no_such_value(
	const ProtobufCEnumDescriptor *type, const char *s, size_t len, struct error *e)
{
	char known[160] = "";
	size_t used = 0;

	for (unsigned i = 0; i < type->n_values; i++) {
		const char *name = field_enum_short(type, &type->values[i]);
		if (used + strlen(name) + 3 > sizeof known)
			break;
		if (i) {
			known[used++] = ',';
			known[used++] = ' ';
		}
		while (*name)
			known[used++] = (char)tolower((unsigned char)*name++);
	}
	known[used] = 0;
	return error_set(e, INVALID_ARGUMENT, "UNKNOWN_VALUE", "\"%.*s\" is not one of: %s.",
		(int)utf8_cut(s, len, QUOTED_BYTES), s, known);
}

enum code scalar_enum(
	const ProtobufCEnumDescriptor *type, const char *s, size_t len, int *at, struct error *e)
{
	for (unsigned i = 0; i < type->n_values; i++) {
		const ProtobufCEnumValue *v = &type->values[i];
		if (names(field_enum_short(type, v), s, len) || names(v->name, s, len)) {
			*at = v->value;
			return OK;
		}
	}
	return no_such_value(type, s, len, e);
}
