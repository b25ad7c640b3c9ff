/* argp for flags; where values come from, and what they have to be. */
#include "common/conf.h"

#include <argp.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf_impl.h"
#include "common/private_file.h"
#include "common/version.h"

enum {
	EXIT_USAGE = 2,
	KEY_FIRST = 0x1000, /* argp keys of rows; below are characters */
	KEY_CONFIG = 0x0f00,
	KEY_MARKDOWN,
	WHY_ROOM = 512,
};

void conf_complain(const struct reader *r, const char *where, const char *what)
{
	fprintf(stderr, "%s: %s: %s\nTry '%s --help'.\n", r->program->name,
		where, what, r->program->name);
}

/* "match_lifetime" to "match-lifetime" */
static void flag_name(char out[CONF_NAME_ROOM], const char *name)
{
	snprintf(out, CONF_NAME_ROOM, "%s", name);
	for (char *p = out; *p; p++)
		if (*p == '_')
			*p = '-';
}

void conf_variable(char out[CONF_NAME_ROOM], const char *service,
		   const char *name, const char *suffix)
{
	snprintf(out, CONF_NAME_ROOM, "KALYPSO_%s%s%s%s",
		 service ? service : "", service ? "_" : "", name, suffix);
	for (char *p = out; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}

struct source conf_from_environment(const struct reader *r,
				    const struct conf_row *row,
				    const char *suffix)
{
	const char *services[] = {r->program->name, NULL};
	struct source s = {NULL, ""};

	for (size_t i = 0; i < 2 && !s.text; i++) {
		char name[CONF_NAME_ROOM];

		conf_variable(name, services[i], row->name, suffix);
		s.text = getenv(name);
		snprintf(s.where, sizeof s.where, "environment variable %.120s",
			 name);
	}
	return s;
}

/* What it gives lives as long as the process; leak checkers look here. */
static char *volatile kept[CONF_ROWS_MAX];

static char *read_secret(const char *path, char why[WHY_ROOM])
{
	static size_t kept_count;
	char *text = private_file_read(path, why, WHY_ROOM);

	if (text && kept_count < CONF_ROWS_MAX)
		kept[kept_count++] = text;
	return text;
}

static struct source look_up(const struct reader *r, size_t i)
{
	const struct conf_row *row = r->rows[i];
	struct source s = {r->flags[i], ""};

	flag_name(s.where, row->name);
	memmove(s.where + 2, s.where, sizeof s.where - 3);
	memcpy(s.where, "--", 2);
	if (!s.text)
		s = conf_from_environment(r, row, "");
	if (!s.text && r->file) {
		s.text = conf_from_file(r, row->name);
		snprintf(s.where, sizeof s.where, "%.100s in file %.40s",
			 row->name, r->file);
	}
	return s;
}

static enum err set_secret(const struct reader *r, size_t i, const char **out)
{
	const struct conf_row *row = r->rows[i];
	struct source file = conf_from_environment(r, row, "_FILE");
	char why[WHY_ROOM];
	struct source s;

	if (!file.text) {
		s = look_up(r, i);
		*out = s.text ? s.text : row->fallback;
		return ERR_NONE;
	}
	*out = read_secret(file.text, why);
	if (*out)
		return ERR_NONE;
	fprintf(stderr, "%s: %s: %s\n", r->program->name, file.where, why);
	return ERR_CONFIG;
}

static enum err set_number(const struct reader *r, const struct source *s,
			   uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(s->text, &end, 10);
	if (!errno && isdigit((unsigned char)s->text[0]) && !*end)
		return ERR_NONE;
	conf_complain(r, s->where, "not a whole number");
	return ERR_CONFIG;
}

static enum err set_flag(const struct reader *r, const struct source *s,
			 bool *out)
{
	*out = strcmp(s->text, "true") == 0;
	if (*out || strcmp(s->text, "false") == 0)
		return ERR_NONE;
	conf_complain(r, s->where, "neither true nor false");
	return ERR_CONFIG;
}

static enum err missing(const struct reader *r, const struct conf_row *row)
{
	char flag[CONF_NAME_ROOM], variable[CONF_NAME_ROOM];

	flag_name(flag, row->name);
	conf_variable(variable, r->program->name, row->name,
		      row->kind == CONF_SECRET ? "_FILE" : "");
	if (row->kind == CONF_SECRET)
		fprintf(stderr, "%s: no %s: set %s (%s)\n", r->program->name,
			row->name, variable, row->meaning);
	else
		fprintf(stderr, "%s: no %s: give --%s or set %s (%s)\n",
			r->program->name, row->name, flag, variable,
			row->meaning);
	return ERR_CONFIG;
}

static enum err set_row(const struct reader *r, size_t i)
{
	const struct conf_row *row = r->rows[i];
	void *member = (char *)r->values[i] + row->offset;
	struct source s = {NULL, ""};

	if (row->kind == CONF_SECRET) {
		enum err e = set_secret(r, i, member);

		if (!e && !*(const char **)member)
			return missing(r, row);
		return e;
	}
	s = look_up(r, i);
	if (!s.text)
		s = (struct source){row->fallback, "default"};
	if (!s.text)
		return missing(r, row);
	switch (row->kind) {
	case CONF_NUMBER:
		return set_number(r, &s, member);
	case CONF_FLAG:
		return set_flag(r, &s, member);
	case CONF_TEXT:
	case CONF_SECRET:
		*(const char **)member = s.text;
	}
	return ERR_NONE;
}

/* ---- flags -------------------------------------------------------------- */

static error_t on_flag(int key, char *arg, struct argp_state *state)
{
	struct reader *r = state->input;

	if (key == KEY_CONFIG) {
		r->file = arg;
	} else if (key == KEY_MARKDOWN) {
		conf_print_markdown(r->program);
		exit(0);
	} else if (key >= KEY_FIRST && key < KEY_FIRST + (int)r->count) {
		r->flags[key - KEY_FIRST] = arg ? arg : "true";
	} else if (key == ARGP_KEY_ARG) {
		argp_error(state, "what is '%s'? options begin with --", arg);
	} else {
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void gather(struct reader *r)
{
	for (size_t t = 0; t < r->program->tables_count; t++)
		for (const struct conf_row *row = r->program->tables[t].rows;
		     row->name; row++) {
			assert(r->count < CONF_ROWS_MAX);
			r->rows[r->count] = row;
			r->values[r->count++] = r->program->tables[t].values;
		}
}

static const char *row_help(const struct conf_row *row, char *out, size_t room)
{
	int n = snprintf(out, room, "%s", row->meaning);

	if (row->fallback && *row->fallback)
		snprintf(out + n, room - (size_t)n, " [%s%s%s]", row->fallback,
			 *row->unit ? " " : "", row->unit);
	else if (!row->fallback)
		snprintf(out + n, room - (size_t)n, " (required)");
	return out;
}

static size_t make_options(const struct reader *r, struct argp_option *o,
			   char names[][CONF_NAME_ROOM], char helps[][512])
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct conf_row *row = r->rows[i];

		if (row->kind == CONF_SECRET)
			continue;
		flag_name(names[i], row->name);
		o[n++] = (struct argp_option){
			.name = names[i],
			.key = KEY_FIRST + (int)i,
			.arg = row->kind == CONF_FLAG	? "true|false"
			       : row->kind == CONF_TEXT ? "TEXT"
							: "N",
			.flags = row->kind == CONF_FLAG ? OPTION_ARG_OPTIONAL
							: 0,
			.doc = row_help(row, helps[i], sizeof helps[i]),
		};
	}
	o[n++] = (struct argp_option){
		.name = "config",
		.key = KEY_CONFIG,
		.arg = "FILE",
		.doc = "read lines of NAME = VALUE from FILE"};
	o[n++] = (struct argp_option){.name = "options-markdown",
				      .key = KEY_MARKDOWN,
				      .flags = OPTION_HIDDEN};
	return n;
}

static void secrets_help(const struct reader *r, char *out, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++) {
		char variable[CONF_NAME_ROOM];

		if (r->rows[i]->kind != CONF_SECRET || n >= room)
			continue;
		conf_variable(variable, r->program->name, r->rows[i]->name, "");
		n += (size_t)snprintf(out + n, room - n, "%s or %s_FILE: %s.\n",
				      variable, variable, r->rows[i]->meaning);
	}
}

enum err conf_read(const struct conf_program *program, int argc, char **argv)
{
	static struct argp_option options[CONF_ROWS_MAX + 4];
	static char names[CONF_ROWS_MAX][CONF_NAME_ROOM],
		helps[CONF_ROWS_MAX][512];
	static char version[CONF_NAME_ROOM], doc[8192], prefix[CONF_NAME_ROOM];
	char secrets[2048] = "";
	static struct reader r; /* its tree lives on: it owns texts */
	struct argp argp = {options, on_flag, NULL, doc, NULL, NULL, NULL};
	enum err e;

	r = (struct reader){.program = program};
	gather(&r);
	make_options(&r, options, names, helps);
	conf_variable(prefix, program->name, "", "");
	secrets_help(&r, secrets, sizeof secrets);
	snprintf(doc, sizeof doc,
		 "%s\vOption --some-name can also be set as %sSOME_NAME or "
		 "KALYPSO_SOME_NAME in the environment, or as some_name in "
		 "the file; the first that is there counts.%s%s",
		 program->summary, prefix, *secrets ? "\n\nSecrets:\n" : "",
		 secrets);
	snprintf(version, sizeof version, "%s " KALYPSO_VERSION, program->name);
	argp_program_version = version;
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &r);

	e = conf_read_file(&r);
	if (!e)
		e = conf_check_environment(&r);
	for (size_t i = 0; i < r.count && !e; i++)
		e = set_row(&r, i);
	return e;
}

void conf_print_markdown(const struct conf_program *program)
{
	struct reader r = {.program = program};

	gather(&r);
	printf("| option | default | unit | meaning |\n|---|---|---|---|\n");
	for (size_t i = 0; i < r.count; i++) {
		const struct conf_row *row = r.rows[i];

		printf("| `%s`%s | %s%s%s | %s | %s |\n", row->name,
		       row->kind == CONF_SECRET ? " (secret)" : "",
		       row->fallback && *row->fallback ? "`" : "",
		       !row->fallback ? "required" : row->fallback,
		       row->fallback && *row->fallback ? "`" : "", row->unit,
		       row->meaning);
	}
}
