#include "server/reflection.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hardminer/internal/descriptor.pb-c.h"
#include "proto/arena.h"
#include "proto/fault.h"
#include "server/schema_set.h"

enum { INDEX_MEMORY = 16 << 20 };

struct symbol {
	const char *name;
	size_t file;
};

struct reflection {
	struct arena arena; /* everything below */
	const Wire__FileDescriptorSet *set;
	struct reflected_file *files;
	struct symbol *symbols; /* sorted by name once complete */
	size_t n_symbols, symbol_room;
	const char **services;
	size_t n_services, service_room;
};

/* One more place in an array that grows in the arena; NULL when memory is out. */
static void *grow(struct arena *a, void *array, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return array;
	size_t more = *room ? *room * 2 : 64;
	void *bigger = arena_array(a, more, size);
	if (bigger && n)
		memcpy(bigger, array, n * size);
	if (bigger)
		*room = more;
	return bigger;
}

/* Adds scope.name; returns the full name, NULL when memory is out. */
static const char *add(struct reflection *r, size_t file, const char *scope, const char *name)
{
	struct symbol *symbols =
		grow(&r->arena, r->symbols, r->n_symbols, &r->symbol_room, sizeof *symbols);
	const char *full = arena_printf(&r->arena, scope[0] ? "%s.%s" : "%s%s", scope, name);

	if (!symbols || !full)
		return NULL;
	r->symbols = symbols;
	r->symbols[r->n_symbols++] = (struct symbol){full, file};
	return full;
}

static bool add_named(
	struct reflection *r, size_t file, const char *scope, Wire__Named *const *named, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!add(r, file, scope, named[i]->name))
			return false;
	return true;
}

/* The values of an enum are its siblings in scope, as in C. */
static bool add_enums(struct reflection *r, size_t file, const char *scope,
	Wire__EnumDescriptorProto *const *enums, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!add(r, file, scope, enums[i]->name) ||
			!add_named(r, file, scope, enums[i]->value, enums[i]->n_value))
			return false;
	return true;
}

static bool add_messages(struct reflection *r, size_t file, const char *scope,
	Wire__DescriptorProto *const *messages, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const Wire__DescriptorProto *m = messages[i];
		const char *full = add(r, file, scope, m->name);
		if (!full || !add_named(r, file, full, m->field, m->n_field) ||
			!add_named(r, file, full, m->oneof_decl, m->n_oneof_decl) ||
			!add_enums(r, file, full, m->enum_type, m->n_enum_type) ||
			!add_messages(r, file, full, m->nested_type, m->n_nested_type))
			return false;
	}
	return true;
}

static bool add_services(struct reflection *r, size_t file, const char *scope,
	Wire__ServiceDescriptorProto *const *services, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *full = add(r, file, scope, services[i]->name);
		const char **all =
			grow(&r->arena, r->services, r->n_services, &r->service_room, sizeof *all);
		if (!full || !all ||
			!add_named(r, file, full, services[i]->method, services[i]->n_method))
			return false;
		r->services = all;
		r->services[r->n_services++] = full;
	}
	return true;
}

static bool add_file(struct reflection *r, size_t i)
{
	const ProtobufCBinaryData *bytes = &r->set->file[i];
	const Wire__FileDescriptorProto *f = (Wire__FileDescriptorProto *)protobuf_c_message_unpack(
		&wire__file_descriptor_proto__descriptor, &r->arena.pb, bytes->len, bytes->data);

	if (!f)
		return false;
	r->files[i] = (struct reflected_file){f->name, bytes->data, bytes->len,
		(const char *const *)f->dependency, f->n_dependency};
	return add_messages(r, i, f->package, f->message_type, f->n_message_type) &&
	       add_enums(r, i, f->package, f->enum_type, f->n_enum_type) &&
	       add_services(r, i, f->package, f->service, f->n_service);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct symbol *)a)->name, ((const struct symbol *)b)->name);
}

static bool index_set(struct reflection *r)
{
	r->set = (Wire__FileDescriptorSet *)protobuf_c_message_unpack(
		&wire__file_descriptor_set__descriptor, &r->arena.pb, schema_set_len, schema_set);
	if (!r->set)
		return false;
	r->files = arena_array(&r->arena, r->set->n_file, sizeof *r->files);
	if (!r->files)
		return false;
	for (size_t i = 0; i < r->set->n_file; i++)
		if (!add_file(r, i))
			return false;
	qsort(r->symbols, r->n_symbols, sizeof *r->symbols, by_name);
	return true;
}

enum code reflection_make(const struct reflection **out, struct error *e)
{
	struct reflection *r = FAULT() ? NULL : calloc(1, sizeof *r);

	if (!r)
		return error_memory(e);
	arena_init(&r->arena, INDEX_MEMORY);
	if (!index_set(r)) {
		reflection_free(r);
		return error_memory(e);
	}
	*out = r;
	return OK;
}

void reflection_free(const struct reflection *r)
{
	if (!r)
		return;
	struct reflection *mine = (struct reflection *)r;
	arena_free(&mine->arena);
	free(mine);
}

const struct reflected_file *reflection_file(const struct reflection *r, const char *name)
{
	for (size_t i = 0; i < r->set->n_file; i++)
		if (!strcmp(r->files[i].name, name))
			return &r->files[i];
	return NULL;
}

const struct reflected_file *reflection_symbol(const struct reflection *r, const char *symbol)
{
	const struct symbol key = {symbol, 0};
	const struct symbol *found =
		bsearch(&key, r->symbols, r->n_symbols, sizeof *r->symbols, by_name);

	return found ? &r->files[found->file] : NULL;
}

static bool among(const struct reflected_file *const *files, size_t n, const void *file)
{
	for (size_t i = 0; i < n; i++)
		if (files[i] == file)
			return true;
	return false;
}

size_t reflection_closure(const struct reflection *r, const struct reflected_file *file,
	const struct reflected_file **to)
{
	size_t n = 1;

	to[0] = file;
	for (size_t i = 0; i < n; i++)
		for (size_t d = 0; d < to[i]->n_dependencies; d++) {
			const struct reflected_file *next =
				reflection_file(r, to[i]->dependencies[d]);
			if (next && !among(to, n, next))
				to[n++] = next;
		}
	return n;
}

size_t reflection_files(const struct reflection *r)
{
	return r->set->n_file;
}

const char *const *reflection_services(const struct reflection *r, size_t *n)
{
	*n = r->n_services;
	return r->services;
}
