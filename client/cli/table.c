#include "client/cli/table.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* The character at `text` and its bytes; what is no UTF-8 counts as one blank. */
static utf8proc_ssize_t next(const char *text, utf8proc_int32_t *c)
{
	utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, c);

	if (n > 0 && utf8proc_category(*c) != UTF8PROC_CATEGORY_CC)
		return n;
	*c = ' ';
	return n > 0 ? n : 1;
}

static unsigned char_width(utf8proc_int32_t c)
{
	int width = utf8proc_charwidth(c);

	return width > 0 ? (unsigned)width : 0;
}

unsigned text_width(const char *text)
{
	unsigned width = 0;
	utf8proc_int32_t c;

	while (*text) {
		text += next(text, &c);
		width += char_width(c);
	}
	return width;
}

char *text_clean(const char *text, unsigned most)
{
	bool cut = most && text_width(text) > most;
	char *out = malloc(strlen(text) + sizeof "…"), *at = out;
	unsigned width = 0;
	utf8proc_int32_t c;

	if (!out)
		return NULL;
	while (*text) {
		utf8proc_ssize_t n = next(text, &c);
		width += char_width(c);
		if (cut && width > most - 1)
			break;
		if (c == ' ')
			*at++ = ' ';
		else
			at = mempcpy(at, text, (size_t)n);
		text += n;
	}
	stpcpy(at, cut ? "…" : "");
	return out;
}

void table_begin(struct table *t, const struct column *columns)
{
	*t = (struct table){.columns = columns};
	while (columns[t->n_columns].title)
		t->n_columns++;
}

static bool grow(struct table *t)
{
	size_t room = t->room ? t->room * 2 : 16;
	char **cells = t->room == t->n_rows
			       ? reallocarray(t->cells, room, t->n_columns * sizeof *cells)
			       : t->cells;

	if (!cells)
		return false;
	if (t->room == t->n_rows)
		t->room = room;
	t->cells = cells;
	return true;
}

void table_row(struct table *t, const char *const *cells)
{
	if (!grow(t)) {
		t->failed = true;
		return;
	}
	for (size_t i = 0; i < t->n_columns; i++) {
		char *cell = text_clean(cells[i] ? cells[i] : "", t->columns[i].most);
		t->failed |= !cell;
		t->cells[t->n_rows * t->n_columns + i] = cell;
	}
	t->n_rows++;
}

static const char *cell_at(const struct table *t, size_t row, size_t column)
{
	const char *cell = t->cells[row * t->n_columns + column];

	return cell ? cell : "";
}

static void put(const struct table *t, size_t column, unsigned width, const char *cell, FILE *to)
{
	unsigned blanks = width - text_width(cell);
	bool last = column + 1 == t->n_columns;

	if (t->columns[column].right)
		fprintf(to, "%*s", (int)blanks, "");
	fputs(cell, to);
	if (!t->columns[column].right && !last)
		fprintf(to, "%*s", (int)blanks, "");
	fputs(last ? "\n" : "  ", to);
}

static bool titled(const struct table *t)
{
	for (size_t i = 0; i < t->n_columns; i++)
		if (*t->columns[i].title)
			return true;
	return false;
}

void table_end(struct table *t, FILE *to)
{
	unsigned width[TABLE_COLUMNS];

	for (size_t i = 0; i < t->n_columns; i++) {
		width[i] = text_width(t->columns[i].title);
		for (size_t row = 0; row < t->n_rows; row++) {
			unsigned w = text_width(cell_at(t, row, i));
			width[i] = w > width[i] ? w : width[i];
		}
	}
	for (size_t i = 0; i < t->n_columns && titled(t); i++)
		put(t, i, width[i], t->columns[i].title, to);
	for (size_t row = 0; row < t->n_rows; row++)
		for (size_t i = 0; i < t->n_columns; i++)
			put(t, i, width[i], cell_at(t, row, i), to);
	for (size_t i = 0; i < t->n_rows * t->n_columns; i++)
		free(t->cells[i]);
	free(t->cells);
}
