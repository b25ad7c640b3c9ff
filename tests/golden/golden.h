/* golden - rows `KIND NAME HEX...` of a golden file, read by tests.
 *
 * Tests run at the top of the tree. What isn't there fails the test. */
#ifndef TESTS_GOLDEN_GOLDEN_H
#define TESTS_GOLDEN_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

#include "common/buf.h"
#include "common/hex.h"

/* Is @line, which is cut into words, a row @kind @name? */
static inline int golden_is_row(char *line, char **at, const char *kind,
				const char *name)
{
	char *first = strtok_r(line, " \n", at);
	char *second = strtok_r(NULL, " \n", at);

	return second && strcmp(first, kind) == 0 && strcmp(second, name) == 0;
}

/* The @column-th HEX (from 0) of the row @kind @name in @path. The caller
 * frees the result. */
static inline struct buf golden_column(const char *path, const char *kind,
				       const char *name, int column)
{
	struct buf out = {0};
	char *line = NULL, *at = NULL, *word = NULL;
	size_t room = 0;
	FILE *file = fopen(path, "r");

	if (!file)
		fail_msg("%s can't be opened", path);
	while (getline(&line, &room, file) > 0) {
		if (!golden_is_row(line, &at, kind, name))
			continue;
		for (int i = 0; i <= column; i++)
			word = strtok_r(NULL, " \n", &at);
		break;
	}
	fclose(file);
	if (!word || hex_decode_buf(&out, word, strlen(word)))
		fail_msg("%s: no column %d of %s %s", path, column, kind, name);
	free(line);
	return out;
}

/* How many rows of @kind there are in @path. */
static inline int golden_rows(const char *path, const char *kind)
{
	char *line = NULL;
	size_t room = 0;
	int rows = 0;
	FILE *file = fopen(path, "r");

	if (!file)
		fail_msg("%s can't be opened", path);
	while (getline(&line, &room, file) > 0)
		rows += strncmp(line, kind, strlen(kind)) == 0 &&
			line[strlen(kind)] == ' ';
	fclose(file);
	free(line);
	return rows;
}

/* Fails unless @got is that column. */
static inline void assert_golden(struct bytes got, const char *path,
				 const char *kind, const char *name, int column)
{
	struct buf want = golden_column(path, kind, name, column);
	struct buf a = {0}, b = {0};

	buf_put_hex(&a, got.data, got.size);
	buf_put_hex(&b, want.data, want.size);
	assert_string_equal(buf_text(&a), buf_text(&b));
	buf_free(&a);
	buf_free(&b);
	buf_free(&want);
}

#endif /* TESTS_GOLDEN_GOLDEN_H */
