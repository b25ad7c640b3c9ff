/* conf - options: one table, read from flags, the environment and a file.
 *
 * A program lists its options once, in a config.def:
 *
 *	OPT(KIND, name, "default", "unit", "meaning")
 *
 * Option match_lifetime of service matcher is set by, the first that is there:
 *	--match-lifetime=N			the flag
 *	KALYPSO_MATCHER_MATCH_LIFETIME=N	the environment, of this one
 *	KALYPSO_MATCH_LIFETIME=N		the environment, of all
 *	match_lifetime = N			the file named by --config
 * and by its default. A SECRET has no flag; NAME_FILE in place of NAME names a
 * file that holds it. A default of NULL means that the option must be set. */
#ifndef COMMON_CONF_H
#define COMMON_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum conf_kind {
	CONF_NUMBER, /* uint64_t, decimal */
	CONF_FLAG,   /* bool: true or false; the bare flag means true */
	CONF_TEXT,   /* const char * */
	CONF_SECRET, /* const char *; never printed */
};

/* The C type of each kind, for struct members made from config.def. */
#define CONF_TYPE_NUMBER uint64_t
#define CONF_TYPE_FLAG	 bool
#define CONF_TYPE_TEXT	 const char *
#define CONF_TYPE_SECRET const char *

struct conf_row {
	const char *name; /* underscores; NULL ends a table */
	enum conf_kind kind;
	size_t offset; /* of the member in the struct that is filled */
	const char *fallback, *unit, *meaning;
};

/* One table and the struct that it fills. */
struct conf_table {
	const struct conf_row *rows;
	void *values;
};

struct conf_program {
	const char *name;    /* "matcher" */
	const char *summary; /* one sentence for --help */
	const struct conf_table *tables;
	size_t tables_count;
	bool few; /* these are some of its options: a file may name others */
};

/* Fill every table of @program from @argv, the environment and the file.
 * Texts stay valid for the life of the process. --help and --version print
 * and exit(0) from here.
 *
 * ERR_CONFIG	something is unknown, missing or not of its kind; what, where
 *		and what to do has been written to stderr */
NODISCARD enum err conf_read(const struct conf_program *program, int argc,
			     char **argv);

/* The manual page of @program's options as a Markdown table, on stdout. */
void conf_print_markdown(const struct conf_program *program);

#endif /* COMMON_CONF_H */
