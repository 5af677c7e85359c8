#include "tests/runner.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/decimal.h"

enum { ROUNDS = 30000 };

/* xorshift64*, seeded: the same numbers in every run. */
static uint64_t random_bits(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

/* Significant digits of a number's text. */
static int digits_of(const char *text)
{
	char only[40];
	size_t n = 0;

	for (const char *s = text; *s && *s != 'e'; s++)
		if (*s >= '0' && *s <= '9' && (n || *s != '0'))
			only[n++] = *s;
	while (n && only[n - 1] == '0')
		n--;
	return (int)n;
}

/* The C library's way: more digits until it reads back. */
static int least_double(double value)
{
	char text[40];

	for (int digits = 15;; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			return digits_of(text);
	}
}

static int least_float(float value)
{
	char text[40];

	for (int digits = 6;; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, (double)value);
		if (strtof(text, NULL) == value)
			return digits_of(text);
	}
}

static void check_double(double value)
{
	char text[DECIMAL_ROOM + 1];

	text[decimal_double(value, text)] = 0;
	ck_assert_msg(strtod(text, NULL) == value, "%a became %s", value, text);
	ck_assert_msg(digits_of(text) <= least_double(value), "%a became %s", value, text);
}

static void check_float(float value)
{
	char text[DECIMAL_ROOM + 1];

	text[decimal_float(value, text)] = 0;
	ck_assert_msg(strtof(text, NULL) == value, "%a became %s", (double)value, text);
	ck_assert_msg(digits_of(text) <= least_float(value), "%a became %s", (double)value, text);
}

START_TEST(numbers_have_the_form_a_person_would_write)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {{0, "0"}, {-0.0, "-0"}, {1, "1"}, {-10, "-10"}, {100, "100"}, {0.5, "0.5"},
		{0.05, "0.05"}, {1e-5, "0.00001"}, {-1.25e-4, "-0.000125"},
		{0.1 + 0.2, "0.30000000000000004"}, {1.0 / 3, "0.3333333333333333"},
		{2.0 / 3, "0.6666666666666666"}, {123456.789, "123456.789"},
		{9007199254740991, "9007199254740991"}, {2251799813685248.5, "2251799813685248.5"},
		{9007199254740992, "9007199254740992"}, {1e300, "1e+300"}, {1e-6, "1e-06"},
		{0.99999999999999989, "0.9999999999999999"}};
	char text[DECIMAL_ROOM + 1];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		text[decimal_double(cases[i].value, text)] = 0;
		ck_assert_str_eq(text, cases[i].text);
	}
	text[decimal_float(0.1f, text)] = 0;
	ck_assert_str_eq(text, "0.1");
	text[decimal_float(16777215, text)] = 0;
	ck_assert_str_eq(text, "16777215");
	text[decimal_float(-0.00001f, text)] = 0;
	ck_assert_str_eq(text, "-1e-05"); /* the float lies just below 1e-5 */
}
END_TEST

START_TEST(any_double_reads_back_with_no_digit_too_many)
{
	uint64_t state = 1;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t bits = random_bits(&state);
		double value;
		memcpy(&value, &bits, sizeof value);
		if (isfinite(value) && i % 16 == 0)
			check_double(value);
		check_double((double)(int64_t)bits / 0x1p63);
		check_double(ldexp((double)(bits >> 11), (int)(bits % 70) - 69));
	}
}
END_TEST

START_TEST(any_float_reads_back_with_no_digit_too_many)
{
	uint64_t state = 2;

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t bits = (uint32_t)random_bits(&state);
		float value;
		memcpy(&value, &bits, sizeof value);
		if (isfinite(value))
			check_float(value);
	}
}
END_TEST

START_TEST(powers_and_their_neighbours_read_back)
{
	for (int e = -20; e < 54; e++) {
		check_double(ldexp(1, e));
		check_double(nextafter(ldexp(1, e), 0));
		check_double(nextafter(ldexp(1, e), INFINITY));
		check_float(ldexpf(1, e));
		check_float(nextafterf(ldexpf(1, e), 0));
		check_float(nextafterf(ldexpf(1, e), INFINITY));
	}
	for (int e = -7; e < 17; e++) {
		double ten = strtod((char[]){'1', 'e', e < 0 ? '-' : '+', (char)('0' + abs(e) / 10),
					    (char)('0' + abs(e) % 10), 0},
			NULL);
		check_double(ten);
		check_double(nextafter(ten, 0));
		check_double(nextafter(ten, INFINITY));
		check_float((float)ten);
		check_float(nextafterf((float)ten, 0));
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("decimal");
	TCase *t = tcase_create("decimal");

	tcase_add_test(t, numbers_have_the_form_a_person_would_write);
	tcase_add_test(t, any_double_reads_back_with_no_digit_too_many);
	tcase_add_test(t, any_float_reads_back_with_no_digit_too_many);
	tcase_add_test(t, powers_and_their_neighbours_read_back);
	suite_add_tcase(s, t);
	return s;
}
