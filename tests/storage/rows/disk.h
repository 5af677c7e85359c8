/*
 * A disk for SQLite that can be watched and broken: a VFS over the usual one, made the default of
 * this process, through which the database runs unchanged.
 */
#ifndef TESTS_STORAGE_ROWS_DISK_H
#define TESTS_STORAGE_ROWS_DISK_H

#include <stdatomic.h>

struct disk {
	atomic_bool sync_skipped; /* where only speed matters */
	atomic_long syncs;	  /* so far, of all files */
	atomic_long sync_us;	  /* how long each takes on top */
	atomic_bool sync_fails;	  /* as after a media error */
	atomic_bool full;	  /* writes find no space */
	atomic_bool write_fails;  /* as after a media error */
};
extern struct disk disk;

void disk_install(void); /* before the first connection of the process */

#endif
