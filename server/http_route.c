#include "server/http_route.h"

#include <stdio.h>
#include <string.h>

/* Where a variable lies in the path. */
struct span {
	const char *name;
	size_t name_len;
	size_t start, len;
};

struct spans {
	size_t n;
	struct span span[ROUTE_VARIABLES];
};

/* One {variable} at *t against the path at *p; what follows it in its segment must be the segment's
 * end, so that {collection}:mine takes the last ':' of "a:mine" for its own. */
static bool match_variable(const char **t, const char *path, const char **p, struct spans *out)
{
	const char *name = *t + 1, *close = strchr(name, '}');
	const char *suffix = close + 1;
	size_t suffix_len = strcspn(suffix, "/"), segment = strcspn(*p, "/");

	if (segment <= suffix_len || out->n == ROUTE_VARIABLES ||
		memcmp(*p + segment - suffix_len, suffix, suffix_len) != 0)
		return false;
	out->span[out->n++] = (struct span){
		name, (size_t)(close - name), (size_t)(*p - path), segment - suffix_len};
	*p += segment;
	*t = suffix + suffix_len;
	return true;
}

static bool match(const char *template, const char *path, struct spans *out)
{
	const char *t = template, *p = path;

	out->n = 0;
	while (*t)
		if (*t == '{') {
			if (!match_variable(&t, path, &p, out))
				return false;
		} else if (*t++ != *p++) {
			return false;
		}
	return !*p;
}

/* Ends in {variable}:verb. */
static bool has_custom_verb(const char *template)
{
	return strchr(strrchr(template, '/'), ':');
}

static int from_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool percent_decode(char *s, bool plus_is_space)
{
	char *to = s;

	for (; *s; s++, to++) {
		*to = *s == '+' && plus_is_space ? ' ' : *s;
		if (*s != '%')
			continue;
		int high = from_hex(s[1]), low = high < 0 ? -1 : from_hex(s[2]);
		if (low < 0 || !(high | low))
			return false;
		*to = (char)(high << 4 | low);
		s += 2;
	}
	*to = 0;
	return true;
}

/* The character after a variable is part of the template, and no longer needed. */
static enum code decode(char *path, const struct spans *spans, struct route *out, struct error *e)
{
	out->n = spans->n;
	for (size_t i = 0; i < spans->n; i++) {
		const struct span *s = &spans->span[i];
		snprintf(out->variables[i].name, sizeof out->variables[i].name, "%.*s",
			(int)s->name_len, s->name);
		out->variables[i].value = path + s->start;
		path[s->start + s->len] = 0;
		if (!percent_decode(path + s->start, false))
			return error_set(e, INVALID_ARGUMENT, "BAD_PATH",
				"The path's {%s} is not percent-encoded text without NUL.",
				out->variables[i].name);
	}
	return OK;
}

/* Among the rows that fit, those with a custom verb shut out the others: ":mine" is never a part of
 * an id there. */
static bool is_better(const struct operation *op, const struct operation *than, bool stream)
{
	if (!than)
		return true;
	return (op->streaming == SERVER_STREAM) == stream;
}

static void choose(const struct operation *table, size_t n, const char *path, enum verb verb,
	bool stream, struct route *out, struct spans *spans)
{
	struct spans found;
	bool custom = false;

	for (size_t i = 0; i < n; i++)
		if (table[i].path && match(table[i].path, path, &found))
			custom |= has_custom_verb(table[i].path);
	for (size_t i = 0; i < n; i++) {
		const struct operation *op = &table[i];
		if (!op->path || has_custom_verb(op->path) != custom ||
			!match(op->path, path, &found))
			continue;
		out->allowed |= 1u << op->verb;
		if (op->verb == verb && is_better(op, out->op, stream)) {
			out->op = op;
			*spans = found;
		}
	}
}

enum code route_find(const struct operation *table, size_t n, char *path, enum verb verb,
	bool stream, struct route *out, struct error *e)
{
	struct spans spans = {0};
	char allow[64];

	*out = (struct route){0};
	choose(table, n, path, verb, stream, out, &spans);
	if (out->op)
		return decode(path, &spans, out, e);
	if (!out->allowed)
		return error_set(e, NOT_FOUND, "NO_SUCH_ROUTE",
			"There is nothing at this path; /openapi.json lists what there is.");
	route_allow(out->allowed, allow, sizeof allow);
	return error_set(e, UNIMPLEMENTED, "METHOD_NOT_ALLOWED", "This path takes %s.", allow);
}

void route_allow(unsigned allowed, char *out, size_t size)
{
	snprintf(out, size, "%s%s%sOPTIONS", allowed & 1u << GET ? "GET, HEAD, " : "",
		allowed & 1u << POST ? "POST, " : "", allowed & 1u << DELETE ? "DELETE, " : "");
}
