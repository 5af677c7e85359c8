#include "storage/vectors/half.h"

/* Drops the lowest `shift` bits (1 .. 31), to the nearest, ties to even. */
static uint32_t round_off(uint32_t value, unsigned shift)
{
	uint32_t kept = value >> shift, rest = value & ((1u << shift) - 1),
		 half = 1u << (shift - 1);

	return kept + (rest > half || (rest == half && (kept & 1)));
}

uint16_t half_from_float(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof bits);
	uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
	uint32_t exponent = magnitude >> 23;

	if (magnitude > 0x7f800000u)
		return (uint16_t)(sign | 0x7e00u);
	if (magnitude >= 0x47800000u) /* 65536 */
		return (uint16_t)(sign | 0x7c00u);
	if (exponent >= 113) /* a carry out of the mantissa lands in the exponent, as it should */
		return (uint16_t)(sign | round_off(magnitude - (112u << 23), 13));
	if (exponent < 102) /* less than half of the smallest */
		return (uint16_t)sign;
	return (uint16_t)(sign | round_off((magnitude & 0x7fffffu) | 0x800000u, 126 - exponent));
}
