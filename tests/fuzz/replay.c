/* Runs a fuzz target over every file of a directory: replay DIRECTORY */
#include <dirent.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static void run(const char *directory, const char *name)
{
	char path[4096];
	static uint8_t data[1 << 20];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	size_t len = fread(data, 1, sizeof data, f);
	fclose(f);
	/* In memory that ends with the input, so that the sanitizer sees any read past it. */
	uint8_t *exact = malloc(len ? len : 1);
	memcpy(exact, data, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
}

int main(int argc, char **argv)
{
	DIR *d = argc == 2 ? opendir(argv[1]) : NULL;
	int n = 0;

	if (!d) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return EXIT_FAILURE;
	}
	for (struct dirent *entry; (entry = readdir(d));)
		if (entry->d_name[0] != '.') {
			run(argv[1], entry->d_name);
			n++;
		}
	closedir(d);
	printf("%d inputs\n", n);
	return n ? EXIT_SUCCESS : EXIT_FAILURE;
}
