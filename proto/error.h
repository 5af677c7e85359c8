/*
 * How every function of hardminer fails: a code, a stable reason for programs, a sentence for
 * people and, for bad input, the path of the field at fault. No allocation: it must work when
 * memory is what ran out. Text that does not fit says so with "...".
 *
 * Library code returns errors; only server/ and client/ print them.
 */
#ifndef PROTO_ERROR_H
#define PROTO_ERROR_H

#include <stdarg.h>
#include <stddef.h>

/* gRPC's own numbers, so that nothing translates on that side; HTTP is one table. */
enum code {
	OK = 0,
	CANCELLED = 1,
	UNKNOWN = 2,
	INVALID_ARGUMENT = 3,
	DEADLINE_EXCEEDED = 4,
	NOT_FOUND = 5,
	ALREADY_EXISTS = 6,
	PERMISSION_DENIED = 7,
	RESOURCE_EXHAUSTED = 8,
	FAILED_PRECONDITION = 9,
	ABORTED = 10,
	OUT_OF_RANGE = 11,
	UNIMPLEMENTED = 12,
	INTERNAL = 13,
	UNAVAILABLE = 14,
	DATA_LOSS = 15,
	UNAUTHENTICATED = 16
};

struct error {
	enum code code;
	unsigned retry_after_ms; /* 0: none */
	char reason[48];	 /* UPPER_SNAKE, never changes once released */
	char field[128];	 /* "queries[3].vector[17]", or empty */
	char text[320];
};

/* Records and returns `code`, so failing reads `return error_set(e, ...)`. Clears the field. */
enum code error_set(struct error *e, enum code code, const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 4, 5), cold));
/* Names the field at fault of an error just set; returns its code. */
enum code error_field(struct error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), cold));
/* Puts an outer path before the field on the way up: "vector[17]" within "queries[3]" becomes
 * "queries[3].vector[17]". Returns the error's code. */
enum code error_within(struct error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), cold));
/* Puts "stage 2 (margin): " before the sentence on the way up; returns the error's code. */
enum code error_prefix(struct error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), cold));
/* The one failure that needs no words of its own: memory or a request's budget ran out. */
enum code error_memory(struct error *e) __attribute__((cold));
/* A failed system call, by errno: full disks and quotas become RESOURCE_EXHAUSTED/DISK_FULL, the
 * rest INTERNAL/IO_ERROR. `what` is the deed: "write documents.vec". */
enum code error_errno(struct error *e, int err, const char *what) __attribute__((cold));

/* "INVALID_ARGUMENT" */
const char *code_name(enum code code);
/* The HTTP status of an error: by its reason where one says more than its code, else by code. */
int error_http_status(const struct error *e);

#endif
