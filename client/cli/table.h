/*
 * Columns of text for people, aligned by what a terminal shows (wide and combining characters
 * counted right). Cells are cut to their column's width with an ellipsis; control characters of a
 * document's text never reach the terminal.
 */
#ifndef CLIENT_CLI_TABLE_H
#define CLIENT_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { TABLE_COLUMNS = 8 };

struct column {
	const char *title; /* NULL ends the columns */
	unsigned most;	   /* display width that cells are cut to; 0: as wide as they are */
	bool right;	   /* numbers */
};

struct table {
	const struct column *columns;
	size_t n_columns, n_rows, room;
	char **cells; /* row-major, each from malloc */
	bool failed;  /* memory ran out: rows are missing */
};

void table_begin(struct table *t, const struct column *columns);
/* One cell a column, copied and cleaned; NULL is an empty cell. */
void table_row(struct table *t, const char *const *cells);
/* Prints heading (unless every title is empty) and rows, and frees. */
void table_end(struct table *t, FILE *to);

/* Cells a terminal needs for the text. */
unsigned text_width(const char *text);
/* A copy for malloc's owner: control characters and newlines become blanks, and what is wider than
 * `most` (when not 0) ends in an ellipsis. NULL when memory ran out. */
char *text_clean(const char *text, unsigned most);

#endif
