/*
 * Asking printf for 15, then 16, then 17 digits until strtod agrees costs two microseconds a
 * number, and a reply of explained candidates is mostly numbers. Scores lie between 1e-5 and 2^52,
 * and there the search is exact in 128 bits:
 *
 *   value = m * 2^-s, with integers m < 2^53 and s > 0.  For d digits take p so that value * 10^p
 *   has d digits before its point, at most 22, and n = round(m * 10^p / 2^s). Whoever reads
 *   n / 10^p gets the value back if it is nearer to it than half the distance to its neighbours:
 *   |n * 2^s - m * 10^p| < 10^p / 2.
 *
 * The neighbour below a power of two is half as far, but the few powers of two in this range are
 * told apart all the same; a test has every one of them.
 *
 * m * 10^p < 2^53 * 10^22 < 2^127, so nothing is rounded but n. Ties count as failures, for the
 * reader may resolve them either way; one digit more cannot fail. All other numbers ask printf.
 */
#include "proto/decimal.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 22 }; /* after the point, at most */

typedef unsigned __int128 wide;

/* What the exact search needs to know of a float or a double. */
struct binary {
	uint64_t m; /* the significand, shifted so that its top bit is set */
	int s;	    /* value = m * 2^-s */
	int digits; /* to begin with: they are enough for what a person wrote */
};

static wide power(int p)
{
	static const uint64_t low[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
		100000000, 1000000000, 10000000000, 100000000000};

	return p < 12 ? low[p] : (wide)low[11] * low[p - 11];
}

/* n with n / 10^p nearest to the value, if that reads back as the value. */
static bool nearest(const struct binary *b, int p, uint64_t *n)
{
	wide scaled = b->m * power(p), half = (wide)1 << (b->s - 1);
	wide rounded = (scaled + half) >> b->s, back = rounded << b->s;
	wide off = back > scaled ? back - scaled : scaled - back;

	*n = (uint64_t)rounded;
	return off * 2 < power(p);
}

size_t decimal_unsigned(uint64_t value, char to[static DECIMAL_ROOM])
{
	char text[20], *at = text + sizeof text;

	do {
		*--at = (char)('0' + value % 10);
	} while (value /= 10);
	size_t len = (size_t)(text + sizeof text - at);
	memcpy(to, at, len);
	return len;
}

/* n / 10^p without trailing zeros: 25, 2.5, 0.025. */
static size_t put_fixed(uint64_t n, int p, char *to)
{
	char digits[DECIMAL_ROOM], *at = to;

	while (p > 0 && n % 10 == 0) {
		n /= 10;
		p--;
	}
	int len = (int)decimal_unsigned(n, digits), whole = len > p ? len - p : 0;
	memcpy(at, digits, (size_t)whole);
	at += whole;
	if (whole == 0)
		*at++ = '0';
	if (p == 0)
		return (size_t)(at - to);
	*at++ = '.';
	for (int zeros = p - len; zeros > 0; zeros--)
		*at++ = '0';
	memcpy(at, digits + whole, (size_t)(len - whole));
	return (size_t)(at + len - whole - to);
}

static size_t put_shortest(double abs, const struct binary *b, char *to)
{
	int first_digit = (int)floor(log10(abs)); /* one too many below 10^k: one more p, then */
	uint64_t n;
	int p = b->digits - 1 > first_digit ? b->digits - 1 - first_digit : 0;

	while (!nearest(b, p, &n) && p < PLACES)
		p++;
	return put_fixed(n, p, to);
}

size_t decimal_double(double value, char to[static DECIMAL_ROOM])
{
	double abs = fabs(value);
	size_t sign = signbit(value) != 0;
	int exponent, digits = 15, n;

	if (abs >= 1e-5 && abs < 0x1p52) {
		double m = frexp(abs, &exponent);
		struct binary b = {(uint64_t)(m * 0x1p53), 53 - exponent, 15};
		to[0] = '-';
		return sign + put_shortest(abs, &b, to + sign);
	}
	do {
		n = snprintf(to, DECIMAL_ROOM, "%.*g", digits, value);
	} while (digits++ < 17 && strtod(to, NULL) != value);
	return (size_t)n;
}

size_t decimal_float(float value, char to[static DECIMAL_ROOM])
{
	double abs = fabs((double)value);
	size_t sign = signbit(value) != 0;
	int exponent, digits = 6, n;

	if (abs >= 1e-5 && abs < 0x1p23) {
		double m = frexp(abs, &exponent);
		struct binary b = {(uint64_t)(m * 0x1p24), 24 - exponent, 6};
		to[0] = '-';
		return sign + put_shortest(abs, &b, to + sign);
	}
	do {
		n = snprintf(to, DECIMAL_ROOM, "%.*g", digits, (double)value);
	} while (digits++ < 9 && strtof(to, NULL) != value);
	return (size_t)n;
}
