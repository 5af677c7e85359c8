/*
 * What server reflection knows: the files of the schema and of the public services, byte for byte
 * as protoc described them, by name and by the symbols they define. Made once, then read only.
 */
#ifndef SERVER_REFLECTION_H
#define SERVER_REFLECTION_H

#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

struct reflection;

struct reflected_file {
	const char *name;
	const uint8_t *bytes; /* a FileDescriptorProto */
	size_t len;
	const char *const *dependencies;
	size_t n_dependencies;
};

enum code reflection_make(const struct reflection **out, struct error *e);
void reflection_free(const struct reflection *r); /* NULL is fine */

/* NULL: no such thing. Symbols are full names without a leading dot: messages, enums and their
 * values, fields, oneofs, services and methods. */
const struct reflected_file *reflection_file(const struct reflection *r, const char *name);
const struct reflected_file *reflection_symbol(const struct reflection *r, const char *symbol);
/* `file` and all it needs, `file` first, each once; returns how many. `to` has room for
 * reflection_files(r). */
size_t reflection_closure(const struct reflection *r, const struct reflected_file *file,
	const struct reflected_file **to);
size_t reflection_files(const struct reflection *r);
/* The services in the order of their files; `*n` of them. */
const char *const *reflection_services(const struct reflection *r, size_t *n);

#endif
