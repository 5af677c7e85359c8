/* The shortest decimal text that reads back as the same number; finite ones only. Any thread. */
#ifndef PROTO_DECIMAL_H
#define PROTO_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

enum { DECIMAL_ROOM = 32 };

/* Without a NUL; the length comes back. */
size_t decimal_unsigned(uint64_t value, char to[static DECIMAL_ROOM]);
size_t decimal_double(double value, char to[static DECIMAL_ROOM]);
size_t decimal_float(float value, char to[static DECIMAL_ROOM]);

#endif
