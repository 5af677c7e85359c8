#ifndef WORKERS_MINE_PUT_H
#define WORKERS_MINE_PUT_H

#include <stdbool.h>

/* Sets an optional field of a message. */
#define PUT(message, field, value) ((message)->has_##field = true, (message)->field = (value))

#endif
