/* What a row of a large table is found by: owner << 32 | number, as migrations/001.sql has it. */
#ifndef STORAGE_ROWS_KEYS_H
#define STORAGE_ROWS_KEYS_H

#include <stdint.h>

/* Numbers end one before the last that fits: that one stands for "none". */
#define ROW_NUMBERS_END UINT32_MAX

static inline int64_t row_key(int64_t owner, uint64_t number)
{
	return owner << 32 | (int64_t)number;
}

static inline uint32_t row_number(int64_t key)
{
	return (uint32_t)key;
}

#endif
