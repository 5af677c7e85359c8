#include "client/cli/progress.h"

#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BAR_CELLS = 24, COLUMNS_UNKNOWN = 80 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

const char *with_commas(uint64_t n, char to[32])
{
	char plain[24];
	int len = snprintf(plain, sizeof plain, "%llu", (unsigned long long)n);
	char *at = to;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*at++ = ',';
		*at++ = plain[i];
	}
	*at = 0;
	return to;
}

const char *counted(uint64_t n, const char *one, const char *many, char to[64])
{
	char number[32];

	snprintf(to, 64, "%s %s", with_commas(n, number), n == 1 ? one : many);
	return to;
}

void progress_begin(struct progress *p, const char *what, bool quiet)
{
	struct winsize size;
	bool terminal = isatty(STDERR_FILENO) && !quiet;

	*p = (struct progress){.what = what, .started = now(), .columns = COLUMNS_UNKNOWN};
	p->to = terminal ? stderr : NULL;
	p->unicode = !strcmp(nl_langinfo(CODESET), "UTF-8");
	if (terminal && !ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		p->columns = size.ws_col;
}

static void bar(const struct progress *p, double share, char *to)
{
	int full = (int)(share * BAR_CELLS + .5);

	for (int i = 0; i < BAR_CELLS; i++) {
		const char *cell = i < full ? "━" : "╌";
		if (!p->unicode)
			cell = i < full ? "#" : ".";
		to = stpcpy(to, cell);
	}
}

/* "0:07", "12:30", "3:04:05" */
static void clock_text(double seconds, char *to, size_t size)
{
	unsigned long s = seconds > 0 ? (unsigned long)(seconds + .5) : 0;

	if (s >= 3600)
		snprintf(to, size, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(to, size, "%lu:%02lu", s / 60, s % 60);
}

/* "63,665", and past ten millions "503.6 M": nobody reads more digits than that as they run. */
static void count_text(double n, char to[32])
{
	if (n < 1e7)
		with_commas((uint64_t)(n + .5), to);
	else
		snprintf(to, 32, n < 1e9 ? "%.1f M" : "%.2f G", n < 1e9 ? n / 1e6 : n / 1e9);
}

/* "30,000  3,000/s  "; nothing for work that ended without counting. */
static void items_text(const struct progress_state *s, double elapsed, char *to, size_t size,
	const char *separator)
{
	double rate = s->rate >= 0 ? s->rate : elapsed > 0 ? (double)s->items / elapsed : 0;
	char items[32], per_second[32];

	count_text((double)s->items, items);
	count_text(rate, per_second);
	if (s->items || s->share < 1)
		snprintf(to, size, "%s%s%s/s", items, separator, per_second);
	else
		*to = 0;
}

void progress_line(const struct progress *p, const struct progress_state *s, double elapsed,
	char *to, size_t size)
{
	double share = s->share > 1 ? 1 : s->share;
	double eta = s->eta >= 0 ? s->eta : share > 0 ? elapsed / share - elapsed : -1;
	char cells[BAR_CELLS * 3 + 1], items[80], left[24] = "";
	const char *what = s->phase ? s->phase : p->what;

	items_text(s, elapsed, items, sizeof items, share < 0 ? ", " : "  ");
	if (share < 0) {
		snprintf(to, size, "%-16.16s %s", what, items);
		return;
	}
	bar(p, share, cells);
	if (share >= 1 || eta >= 0)
		clock_text(share >= 1 ? elapsed : eta, left, sizeof left);
	snprintf(to, size, "%-16.16s %s %3d%%%s%s%s%s%s", what, cells, (int)(share * 100),
		*items ? "  " : "", items, *left ? "  " : "", left,
		*left && share < 1 ? " left" : "");
}

static void draw(struct progress *p, const struct progress_state *s, const char *end)
{
	char line[256];

	progress_line(p, s, now() - p->started, line, sizeof line);
	fprintf(p->to, "\r\033[K\033[?7l%s\033[?7h%s", line, end);
	fflush(p->to);
}

void progress_show(struct progress *p, const struct progress_state *s)
{
	if (!p->to || now() - p->drawn < .1)
		return;
	p->drawn = now();
	draw(p, s, "");
}

void progress_end(struct progress *p, const struct progress_state *s)
{
	if (p->to)
		draw(p, s, "\n");
	p->to = NULL;
}

void progress_wipe(struct progress *p)
{
	if (p->to && p->drawn > 0)
		fputs("\r\033[K", p->to);
}

void progress_clear(struct progress *p)
{
	progress_wipe(p);
	p->to = NULL;
}
