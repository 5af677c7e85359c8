#include "proto/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 0..63, or -1. */
static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

size_t base64_room(size_t len)
{
	return len / 4 * 3;
}

/* One group of four with `pad` trailing '='; false when it is not canonical. */
static bool decode_group(const char *s, unsigned pad, uint8_t *to)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 4; i++) {
		int d = i < 4 - pad ? digit(s[i]) : s[i] == '=' ? 0 : -1;
		if (d < 0)
			return false;
		bits = bits << 6 | (uint32_t)d;
	}
	for (unsigned i = 0; i < 3 - pad; i++)
		to[i] = (uint8_t)(bits >> (16 - 8 * i));
	return (bits & ((1u << 8 * pad) - 1)) == 0;
}

bool base64_decode(const char *s, size_t len, uint8_t *to, size_t *out_len)
{
	unsigned pad = 0;

	if (len % 4)
		return false;
	if (len)
		pad = s[len - 1] != '=' ? 0 : s[len - 2] != '=' ? 1 : 2;
	for (size_t i = 0; i < len; i += 4)
		if (!decode_group(s + i, i + 4 == len ? pad : 0, to + i / 4 * 3))
			return false;
	*out_len = len / 4 * 3 - pad;
	return true;
}

void base64_encode(const uint8_t *bytes, size_t len, struct buf *to)
{
	size_t n = len / 3 * 4 + (len % 3 ? 4 : 0);
	char *out = buf_room(to, n);

	if (!out)
		return;
	for (size_t i = 0; i < len; i += 3) {
		unsigned have = len - i < 3 ? (unsigned)(len - i) : 3;
		uint32_t bits = (uint32_t)bytes[i] << 16;
		if (have > 1)
			bits |= (uint32_t)bytes[i + 1] << 8;
		if (have > 2)
			bits |= bytes[i + 2];
		*out++ = alphabet[bits >> 18];
		*out++ = alphabet[bits >> 12 & 63];
		*out++ = have > 1 ? alphabet[bits >> 6 & 63] : '=';
		*out++ = have > 2 ? alphabet[bits & 63] : '=';
	}
	to->len += n;
}
