/*
 * replay_corpus: runs a fuzz target once over every file of the folders and
 * files named; the plain build of tests/fuzz/fuzz_*.c. Exit 0 if nothing crashed.
 * SPDX-License-Identifier: ISC
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long size;

	if (!f)
		return 0;
	if (fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) != 0) {
		fclose(f);
		return 0;
	}
	/* exactly size bytes, so that a sanitizer sees a read beyond them */
	data = malloc((size_t)size ? (size_t)size : 1);
	if (data && fread(data, 1, (size_t)size, f) == (size_t)size)
		(void)LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
	fclose(f);
	return 1;
}

int main(int argc, char **argv)
{
	int files = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		struct dirent *e;

		if (!d) {
			files += replay_file(argv[i]);
			continue;
		}
		while ((e = readdir(d))) {
			char path[4096];

			if (e->d_name[0] == '.')
				continue;
			(void)snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
			files += replay_file(path);
		}
		closedir(d);
	}
	printf("%d files replayed\n", files);
	return files > 0 ? 0 : 1;
}
