#include "server/process.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void read_memory(struct process_usage *out)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages, resident, page = sysconf(_SC_PAGESIZE);

	if (f && fscanf(f, "%ld %ld", &pages, &resident) == 2) {
		out->virtual_bytes = (double)pages * (double)page;
		out->resident_bytes = (double)resident * (double)page;
	}
	if (f)
		fclose(f);
}

static void count_fds(struct process_usage *out)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (!dir)
		return;
	while (readdir(dir))
		n++;
	closedir(dir);
	out->open_fds = n - 3; /* ".", ".." and the directory itself */
}

void process_usage(struct process_usage *out)
{
	struct rusage usage;
	struct rlimit files;

	*out = (struct process_usage){0};
	if (!getrusage(RUSAGE_SELF, &usage))
		out->cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	if (!getrlimit(RLIMIT_NOFILE, &files))
		out->max_fds = (double)files.rlim_cur;
	read_memory(out);
	count_fds(out);
}
