#include "server/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic enum log_level log_level = LEVEL_INFO;

static const char *const names[] = {"error", "warn", "info", "debug"};

/* Room for "...\n" is always kept. */
enum { LAST = sizeof((struct log_line *)0)->text - 4 };

void log_set_level(enum log_level most)
{
	atomic_store(&log_level, most);
}

bool log_level_named(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(name, names[i])) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

__attribute__((format(printf, 2, 3))) static void put(struct log_line *l, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(l->text + l->len, LAST - l->len, fmt, args);
	va_end(args);
	l->len += (size_t)n < LAST - l->len ? (size_t)n : LAST - l->len;
}

static void put_char(struct log_line *l, char c)
{
	if (l->len < LAST)
		l->text[l->len++] = c;
}

void log_begin(struct log_line *l, enum log_level level, const char *event)
{
	struct timespec now;
	struct tm tm;
	char date[32];

	l->len = 0;
	l->wanted = level <= atomic_load_explicit(&log_level, memory_order_relaxed);
	if (!l->wanted)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
	put(l, "ts=%s.%03ldZ level=%s event=%s", date, now.tv_nsec / 1000000, names[level], event);
}

/* Lines must stay lines and values values, whoever chose them. */
static void put_quoted(struct log_line *l, const char *value)
{
	put_char(l, '"');
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;
		if (c == '"' || c == '\\')
			put_char(l, '\\');
		put_char(l, c < ' ' || c == 0x7f ? ' ' : (char)c);
	}
	put_char(l, '"');
}

static bool is_plain(const char *value)
{
	for (const char *s = value; *s; s++)
		if (*s <= ' ' || *s == '"' || *s == '=' || *s == '\\' || *s == 0x7f)
			return false;
	return *value;
}

void log_text(struct log_line *l, const char *key, const char *value)
{
	if (!l->wanted)
		return;
	put(l, " %s=", key);
	if (is_plain(value))
		put(l, "%s", value);
	else
		put_quoted(l, value);
}

void log_number(struct log_line *l, const char *key, int64_t value)
{
	if (l->wanted)
		put(l, " %s=%" PRId64, key, value);
}

void log_ms(struct log_line *l, const char *key, uint64_t ns)
{
	if (l->wanted)
		put(l, " %s=%.3f", key, (double)ns / 1e6);
}

void log_end(struct log_line *l)
{
	if (!l->wanted)
		return;
	if (l->len >= LAST) {
		l->len = LAST;
		memcpy(l->text + l->len, "...", 3);
		l->len += 3;
	}
	l->text[l->len++] = '\n';
	if (write(STDERR_FILENO, l->text, l->len) < 0)
		return; /* there is nowhere left to say so */
}

void log_error(const char *event, const struct error *e)
{
	struct log_line l;

	log_begin(&l, LEVEL_ERROR, event);
	log_text(&l, "code", code_name(e->code));
	log_text(&l, "reason", e->reason);
	log_text(&l, "message", e->text);
	log_end(&l);
}
