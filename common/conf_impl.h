/* conf_impl - what the parts of conf share. */
#ifndef COMMON_CONF_IMPL_H
#define COMMON_CONF_IMPL_H

#include "common/conf.h"

enum { CONF_NAME_ROOM = 160, CONF_ROWS_MAX = 128 };

/* Where a value is set. */
struct source {
	const char *text; /* NULL: not set here */
	char where[CONF_NAME_ROOM];
};

struct reader {
	const struct conf_program *program;
	const struct conf_row *rows[CONF_ROWS_MAX];
	void *values[CONF_ROWS_MAX];
	const char *flags[CONF_ROWS_MAX];
	size_t count;
	const char *file;
	struct _zconfig_t *tree; /* of the file; NULL: there is none */
};

/* ---- conf.c ------------------------------------------------------------- */

/* On stderr: the program, @where it is wrong, @what is wrong. */
void conf_complain(const struct reader *r, const char *where, const char *what);

/* "KALYPSO_MATCHER_MATCH_LIFETIME"; @service may be NULL. */
void conf_variable(char out[CONF_NAME_ROOM], const char *service,
		   const char *name, const char *suffix);

struct source conf_from_environment(const struct reader *r,
				    const struct conf_row *row,
				    const char *suffix);

/* ---- conf_names.c ------------------------------------------------------- */

/* Read the file that a flag or the environment names, if any, into r->tree.
 * ERR_CONFIG: it can't be read, or holds what isn't an option; it was said. */
NODISCARD enum err conf_read_file(struct reader *r);

/* What the file says of option @name; NULL: nothing, or there is no file. */
const char *conf_from_file(const struct reader *r, const char *name);

/* ERR_CONFIG: a variable of this program's own is nearly an option; said. */
NODISCARD enum err conf_check_environment(const struct reader *r);

#endif /* COMMON_CONF_IMPL_H */
