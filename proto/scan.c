#include "proto/scan.h"

#include <ctype.h>
#include <string.h>

#include "proto/utf8.h"

struct scan scan_start(const char *text, size_t len, struct arena *arena, struct error *e)
{
	const char *begin = text ? text : "";

	return (struct scan){begin, begin, begin + len, arena, e};
}

enum code scan_malformed(struct scan *in, const char *at, const char *what)
{
	return error_set(in->e, INVALID_ARGUMENT, "MALFORMED_JSON",
		"The JSON is malformed at byte %zu: %s.", (size_t)(at - in->begin), what);
}

char scan_peek(struct scan *in)
{
	while (in->at < in->end &&
		(*in->at == ' ' || *in->at == '\n' || *in->at == '\r' || *in->at == '\t'))
		in->at++;
	return in->at < in->end ? *in->at : 0;
}

enum code scan_expect(struct scan *in, char c, const char *what)
{
	if (scan_peek(in) != c)
		return scan_malformed(in, in->at, in->at == in->end ? "it ends too early" : what);
	in->at++;
	return OK;
}

bool scan_word(struct scan *in, const char *word)
{
	size_t len = strlen(word);

	scan_peek(in);
	if ((size_t)(in->end - in->at) < len || memcmp(in->at, word, len))
		return false;
	in->at += len;
	return true;
}

const char *scan_found(char c)
{
	switch (c) {
	case '{':
		return "an object";
	case '[':
		return "an array";
	case '"':
		return "a string";
	case 't':
	case 'f':
		return "a boolean";
	case 'n':
		return "null";
	default:
		return c == '-' || isdigit((unsigned char)c) ? "a number" : NULL;
	}
}

/* The byte that ends a run of plain characters: a quote, a backslash, a control, or the end. */
static const char *plain_end(const char *s, const char *end)
{
	while (s < end && *s != '"' && *s != '\\' && (unsigned char)*s >= 0x20)
		s++;
	return s;
}

enum code scan_string(struct scan *in, struct scan_token *out)
{
	enum code rc = scan_expect(in, '"', "a string was expected");
	const char *s = in->at;
	bool escaped = false;

	if (rc)
		return rc;
	while ((s = plain_end(s, in->end)) < in->end && *s == '\\') {
		escaped = true;
		s += in->end - s > 1 ? 2 : 1;
	}
	if (s == in->end)
		return scan_malformed(in, in->at - 1, "a string has no end");
	if (*s != '"')
		return scan_malformed(in, s, "a control character in a string must be escaped");

	size_t len = (size_t)(s - in->at), valid = utf8_span(in->at, len);
	if (valid < len)
		return error_set(in->e, INVALID_ARGUMENT, "INVALID_UTF8",
			"Text must be UTF-8; byte %zu of the JSON is not.",
			(size_t)(in->at - in->begin) + valid);
	*out = (struct scan_token){in->at, len, escaped};
	in->at = s + 1;
	return OK;
}

/* Four hex digits, or -1. */
static int hex4(const char *s, const char *end)
{
	int value = 0;

	if (end - s < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		unsigned char c = (unsigned char)s[i];
		if (!isxdigit(c))
			return -1;
		value = value << 4 | (isdigit(c) ? c - '0' : (c | 32) - 'a' + 10);
	}
	return value;
}

static char *put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 63));
		*to++ = (char)(0x80 | (c & 63));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 63));
		*to++ = (char)(0x80 | (c >> 6 & 63));
		*to++ = (char)(0x80 | (c & 63));
	}
	return to;
}

/* The character after "\u", joining a surrogate pair; *s moves past it. */
static enum code unicode_escape(struct scan *in, const char **s, const char *end, unsigned *out)
{
	int high = hex4(*s, end), low = -1;

	if (high < 0)
		return scan_malformed(in, *s, "\\u needs four hexadecimal digits");
	*s += 4;
	*out = (unsigned)high;
	if (high < 0xd800 || high > 0xdfff)
		return OK;
	if (high < 0xdc00 && end - *s >= 6 && (*s)[0] == '\\' && (*s)[1] == 'u')
		low = hex4(*s + 2, end);
	if (low < 0xdc00 || low > 0xdfff)
		return error_set(in->e, INVALID_ARGUMENT, "INVALID_UTF8",
			"Byte %zu of the JSON escapes half a character: a surrogate without its "
			"pair.",
			(size_t)(*s - 6 - in->begin));
	*s += 6;
	*out = 0x10000 + (((unsigned)high - 0xd800) << 10) + ((unsigned)low - 0xdc00);
	return OK;
}

/* One escape, *s just past its backslash, to *to. */
static enum code unescape(struct scan *in, const char **s, const char *end, char **to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *simple = *s < end ? memchr(from, **s, sizeof from - 1) : NULL;

	if (simple) {
		*(*to)++ = into[simple - from];
		++*s;
		return OK;
	}
	if (*s == end || **s != 'u')
		return scan_malformed(in, *s - 1, "there is no such escape");
	++*s;
	unsigned c;
	enum code rc = unicode_escape(in, s, end, &c);
	if (!rc)
		*to = put_utf8(*to, c);
	return rc;
}

enum code scan_decode(struct scan *in, const struct scan_token *string, char **out, size_t *len)
{
	const char *s = string->s, *end = s + string->len;
	char *decoded = arena_strndup(in->arena, s, string->len), *to = decoded;

	if (!decoded)
		return error_memory(in->e);
	if (!string->escaped) {
		to += string->len;
		s = end;
	}
	while (s < end) {
		const char *plain = memchr(s, '\\', (size_t)(end - s));
		size_t n = (size_t)((plain ? plain : end) - s);
		memcpy(to, s, n);
		to += n;
		s += n + 1;
		if (plain && unescape(in, &s, end, &to))
			return in->e->code;
	}
	*to = 0;
	*out = decoded;
	*len = (size_t)(to - decoded);
	return OK;
}

static const char *digits(const char *s, const char *end)
{
	while (s < end && isdigit((unsigned char)*s))
		s++;
	return s;
}

size_t scan_number_length(const char *s, const char *end)
{
	const char *at = s + (s < end && *s == '-');
	const char *whole = digits(at, end);

	if (whole == at || (*at == '0' && whole - at > 1))
		return 0;
	at = whole;
	if (at < end && *at == '.') {
		const char *fraction = digits(at + 1, end);
		if (fraction == at + 1)
			return 0;
		at = fraction;
	}
	if (at < end && (*at | 32) == 'e') {
		at += 1 + (end - at > 1 && (at[1] == '+' || at[1] == '-'));
		const char *exponent = digits(at, end);
		if (exponent == at)
			return 0;
		at = exponent;
	}
	return (size_t)(at - s);
}

enum code scan_number(struct scan *in, struct scan_token *out)
{
	scan_peek(in);
	size_t len = scan_number_length(in->at, in->end);

	if (len == 0)
		return scan_malformed(in, in->at, "this is not a number");
	if (len > SCAN_NUMBER_BYTES)
		return scan_malformed(in, in->at, "a number has more than 1024 characters");
	*out = (struct scan_token){in->at, len, false};
	in->at += len;
	return OK;
}

size_t scan_nesting(const char *text, size_t len)
{
	size_t depth = 0, deepest = 0;
	bool string = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			string = !string;
		else if (string)
			i += text[i] == '\\';
		else if (text[i] == '{' || text[i] == '[')
			deepest = ++depth > deepest ? depth : deepest;
		else if ((text[i] == '}' || text[i] == ']') && depth)
			depth--;
	}
	return deepest;
}
