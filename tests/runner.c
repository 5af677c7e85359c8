#include "tests/runner.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[PATH_MAX];

const char *temporary_make(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(directory, sizeof directory, "%s/hardminer-test-XXXXXX", base ? base : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	return directory;
}

static int unlink_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void temporary_remove(void)
{
	ck_assert_int_eq(nftw(directory, unlink_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void flip_byte(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	char byte;

	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

/* What hangs ends some day; what is slow on a busy machine is left alone. */
static const char *const seconds_a_test = "120";

int main(void)
{
	setenv("CK_DEFAULT_TIMEOUT", seconds_a_test, 0);
	SRunner *runner = srunner_create(suite());

	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
