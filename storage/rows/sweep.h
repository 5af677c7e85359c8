/*
 * Deleting something with many rows takes its name away at once and its rows afterwards, a slice a
 * transaction, so that other writes get their turn. What a crash leaves is swept at the next open.
 */
#ifndef STORAGE_ROWS_SWEEP_H
#define STORAGE_ROWS_SWEEP_H

#include "storage/rows/database.h"

/* Removes the rows of every owner in the table garbage. Blocks until they are gone. */
enum code sweep(struct database *db, struct error *e);

#endif
