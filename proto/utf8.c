#include "proto/utf8.h"

#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

/* Eight bytes at a time, for text is mostly ASCII. */
static size_t ascii_span(const char *s, size_t len)
{
	size_t i = 0;

	for (uint64_t eight; i + sizeof eight <= len; i += sizeof eight) {
		memcpy(&eight, s + i, sizeof eight);
		if (eight & 0x8080808080808080u)
			break;
	}
	while (i < len && !(s[i] & 0x80))
		i++;
	return i;
}

size_t utf8_span(const char *s, size_t len)
{
	size_t i = 0;

	while ((i += ascii_span(s + i, len - i)) < len) {
		size_t rest = len - i;
		utf8proc_int32_t c;
		utf8proc_ssize_t n = utf8proc_iterate(
			(const utf8proc_uint8_t *)s + i, rest < 4 ? (utf8proc_ssize_t)rest : 4, &c);
		if (n < 1)
			return i;
		i += (size_t)n;
	}
	return len;
}

size_t utf8_cut(const char *s, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max && (s[max] & 0xc0) == 0x80)
		max--;
	return max;
}
