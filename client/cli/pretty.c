#include "client/cli/pretty.h"

#include <stdbool.h>
#include <string.h>

static void new_line(struct buf *to, unsigned depth)
{
	buf_char(to, '\n');
	for (unsigned i = 0; i < depth; i++)
		buf_str(to, "  ");
}

/* The bytes of the string that begins at `text`, quotes included. */
static size_t string_len(const char *text, size_t len)
{
	size_t i = 1;

	while (i < len && text[i] != '"')
		i += text[i] == '\\' ? 2 : 1;
	return i < len ? i + 1 : len;
}

/* The bytes of a list that holds nothing but scalars, or 0. */
static size_t flat_list(const char *text, size_t len)
{
	for (size_t i = 1; i < len; i++) {
		if (text[i] == '"')
			i += string_len(text + i, len - i) - 1;
		else if (text[i] == ']')
			return i + 1;
		else if (text[i] == '[' || text[i] == '{')
			return 0;
	}
	return 0;
}

/* Copies what goes out as it is: a string, a list of scalars, an empty object. Returns its bytes,
 * 0 when the character has a meaning for the layout. */
static size_t verbatim(const char *text, size_t len)
{
	if (text[0] == '"')
		return string_len(text, len);
	if (text[0] == '[')
		return flat_list(text, len);
	if (text[0] == '{' && len > 1 && text[1] == '}')
		return 2;
	return strchr("{}[],: ", text[0]) ? 0 : 1;
}

void pretty_json(const char *text, size_t len, struct buf *to)
{
	unsigned depth = 0;

	for (size_t i = 0; i < len;) {
		size_t n = verbatim(text + i, len - i);
		if (n) {
			buf_add(to, text + i, n);
			i += n;
			continue;
		}
		char c = text[i++];
		if (c == '{' || c == '[') {
			buf_char(to, c);
			new_line(to, ++depth);
		} else if (c == '}' || c == ']') {
			new_line(to, --depth);
			buf_char(to, c);
		} else if (c == ',') {
			buf_char(to, c);
			new_line(to, depth);
		} else if (c == ':') {
			buf_str(to, ": ");
		}
	}
}
