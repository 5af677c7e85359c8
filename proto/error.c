#include "proto/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/utf8.h"

/* Text that does not fit ends in "..." so that a cut never passes for whole; whole characters only,
 * or a strict reader would refuse the sentence. `n` is what the text would have taken. */
static void mark_cut(char *to, size_t size, int n)
{
	if (n < 0)
		snprintf(to, size, "?");
	else if ((size_t)n >= size)
		memcpy(to + utf8_cut(to, size - 1, size - 4), "...", 4);
}

static void put(char *to, size_t size, const char *fmt, va_list args)
{
	mark_cut(to, size, vsnprintf(to, size, fmt, args));
}

enum code error_set(struct error *e, enum code code, const char *reason, const char *fmt, ...)
{
	va_list args;

	e->code = code;
	e->retry_after_ms = 0;
	e->field[0] = 0;
	snprintf(e->reason, sizeof e->reason, "%s", reason);
	va_start(args, fmt);
	put(e->text, sizeof e->text, fmt, args);
	va_end(args);
	return code;
}

enum code error_field(struct error *e, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	put(e->field, sizeof e->field, fmt, args);
	va_end(args);
	return e->code;
}

enum code error_within(struct error *e, const char *fmt, ...)
{
	char outer[sizeof e->field], inner[sizeof e->field];
	va_list args;

	va_start(args, fmt);
	put(outer, sizeof outer, fmt, args);
	va_end(args);
	memcpy(inner, e->field, sizeof inner);
	if (inner[0] == 0)
		return error_field(e, "%s", outer);
	return error_field(e, inner[0] == '[' ? "%s%s" : "%s.%s", outer, inner);
}

enum code error_prefix(struct error *e, const char *fmt, ...)
{
	char before[sizeof e->text], rest[sizeof e->text];
	va_list args;

	va_start(args, fmt);
	put(before, sizeof before, fmt, args);
	va_end(args);
	memcpy(rest, e->text, sizeof rest);
	mark_cut(e->text, sizeof e->text, snprintf(e->text, sizeof e->text, "%s%s", before, rest));
	return e->code;
}

enum code error_memory(struct error *e)
{
	return error_set(e, RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
		"The request needs more memory than it may have; send it in smaller parts.");
}

enum code error_errno(struct error *e, int err, const char *what)
{
	if (err == ENOSPC || err == EDQUOT)
		return error_set(e, RESOURCE_EXHAUSTED, "DISK_FULL",
			"Could not %s: no space left on the data directory's disk. Nothing was "
			"written; reads go on.",
			what);
	if (err == ENOMEM)
		return error_memory(e);
	return error_set(e, INTERNAL, "IO_ERROR", "Could not %s: %s.", what, strerror(err));
}

static const struct {
	const char *name;
	int http;
} codes[] = {
	[OK] = {"OK", 200},
	[CANCELLED] = {"CANCELLED", 499},
	[UNKNOWN] = {"UNKNOWN", 500},
	[INVALID_ARGUMENT] = {"INVALID_ARGUMENT", 400},
	[DEADLINE_EXCEEDED] = {"DEADLINE_EXCEEDED", 504},
	[NOT_FOUND] = {"NOT_FOUND", 404},
	[ALREADY_EXISTS] = {"ALREADY_EXISTS", 409},
	[PERMISSION_DENIED] = {"PERMISSION_DENIED", 403},
	[RESOURCE_EXHAUSTED] = {"RESOURCE_EXHAUSTED", 429},
	[FAILED_PRECONDITION] = {"FAILED_PRECONDITION", 409},
	[ABORTED] = {"ABORTED", 409},
	[OUT_OF_RANGE] = {"OUT_OF_RANGE", 400},
	[UNIMPLEMENTED] = {"UNIMPLEMENTED", 501},
	[INTERNAL] = {"INTERNAL", 500},
	[UNAVAILABLE] = {"UNAVAILABLE", 503},
	[DATA_LOSS] = {"DATA_LOSS", 500},
	[UNAUTHENTICATED] = {"UNAUTHENTICATED", 401},
};

static const struct {
	const char *reason;
	int http;
} reasons[] = {
	{"BODY_TOO_LARGE", 413},
	{"DISK_FULL", 507},
	{"METHOD_NOT_ALLOWED", 405},
	{"NO_SUCH_ROUTE", 404},
	{"UNSUPPORTED_MEDIA_TYPE", 415},
};

const char *code_name(enum code code)
{
	return (size_t)code < sizeof codes / sizeof *codes ? codes[code].name : "UNKNOWN";
}

int error_http_status(const struct error *e)
{
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (!strcmp(e->reason, reasons[i].reason))
			return reasons[i].http;
	return (size_t)e->code < sizeof codes / sizeof *codes ? codes[e->code].http : 500;
}
