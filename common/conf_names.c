/* A file of options, and names in it or in the environment that are none: what
 * may be meant is said. */
#include <ctype.h>
#include <czmq.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf_impl.h"
#include "common/near.h"

/* ---- the file ----------------------------------------------------------- */

static const struct conf_row *find_row(const struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->rows[i]->name, name) == 0)
			return r->rows[i];
	return NULL;
}

/* Which one is meant, if that can be guessed; else NULL. */
static const struct conf_row *nearest_row(const struct reader *r,
					  const char *name)
{
	const struct conf_row *found = NULL;

	for (size_t i = 0; i < r->count; i++)
		if (near_enough(name, r->rows[i]->name) &&
		    (!found || near_distance(name, r->rows[i]->name) <
				       near_distance(name, found->name)))
			found = r->rows[i];
	return found;
}

/* The line of the file where @name is set; 0 if that can't be told. */
static unsigned line_of(const char *path, const char *name)
{
	FILE *f = fopen(path, "r");
	size_t size = strlen(name), room = 0;
	unsigned line = 0, found = 0;
	char *text = NULL;

	while (f && !found && getline(&text, &room, f) >= 0) {
		line++;
		if (strncmp(text, name, size) == 0 &&
		    strchr(" \t=\r\n", text[size]))
			found = line;
	}
	free(text);
	if (f)
		fclose(f);
	return found;
}

/* A line that isn't an option, @row NULL, or may not be one. */
static enum err refuse_line(const struct reader *r, const char *name,
			    const struct conf_row *row)
{
	char where[CONF_NAME_ROOM], what[2 * CONF_NAME_ROOM] = "no such option";
	char variable[CONF_NAME_ROOM];
	const struct conf_row *near = row ? NULL : nearest_row(r, name);

	if (row) {
		conf_variable(variable, r->program->name, name, "_FILE");
		snprintf(what, sizeof what,
			 "a secret, which no file of options may hold: set %s",
			 variable);
	} else if (near) {
		snprintf(what, sizeof what, "no such option; is %s meant?",
			 near->name);
	}
	snprintf(where, sizeof where, "%.70s in file %.50s, line %u", name,
		 r->file, line_of(r->file, name));
	conf_complain(r, where, what);
	return ERR_CONFIG;
}

enum err conf_read_file(struct reader *r)
{
	if (!r->file) {
		struct conf_row config = {.name = "config"};

		r->file = conf_from_environment(r, &config, "").text;
	}
	if (!r->file)
		return ERR_NONE;
	if (access(r->file, R_OK) != 0) {
		conf_complain(r, r->file, strerror(errno));
		return ERR_CONFIG;
	}
	r->tree = zconfig_load(r->file);
	if (!r->tree) {
		conf_complain(r, r->file,
			      "can't be read as lines of NAME = VALUE");
		return ERR_CONFIG;
	}
	for (zconfig_t *c = zconfig_child(r->tree); c && !r->program->few;
	     c = zconfig_next(c)) {
		const struct conf_row *row = find_row(r, zconfig_name(c));

		if (!row || row->kind == CONF_SECRET)
			return refuse_line(r, zconfig_name(c), row);
	}
	return ERR_NONE;
}

const char *conf_from_file(const struct reader *r, const char *name)
{
	return r->tree ? zconfig_get(r->tree, name, NULL) : NULL;
}

/* ---- the environment ---------------------------------------------------- */

/* KALYPSO_MATCHER_… is for matcher alone: what is nearly one of its options is
 * a slip. What is like none isn't ours to judge: Kubernetes gives variables
 * with such names to every container. */
enum err conf_check_environment(const struct reader *r)
{
	char prefix[CONF_NAME_ROOM], name[CONF_NAME_ROOM], near[CONF_NAME_ROOM];
	size_t size;

	conf_variable(prefix, r->program->name, "", "");
	size = strlen(prefix);
	for (char **v = environ; v && *v && !r->program->few; v++) {
		size_t all = strcspn(*v, "=");
		const struct conf_row *row;

		if (strncmp(*v, prefix, size) != 0 || all - size >= 64)
			continue;
		snprintf(name, sizeof name, "%.*s", (int)(all - size),
			 *v + size);
		for (char *p = name; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		if (strcmp(name, "config") == 0 || find_row(r, name))
			continue;
		all = strlen(name);
		if (all > 5 && strcmp(name + all - 5, "_file") == 0)
			name[all - 5] = 0;
		row = nearest_row(r, name);
		if (!row || strcmp(row->name, name) == 0)
			continue;
		conf_variable(near, r->program->name, row->name,
			      row->kind == CONF_SECRET ? "_FILE" : "");
		fprintf(stderr,
			"%s: environment variable %.*s: no such option; is %s "
			"meant?\n",
			r->program->name, (int)strcspn(*v, "="), *v, near);
		return ERR_CONFIG;
	}
	return ERR_NONE;
}
