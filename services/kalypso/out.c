/* Two trees at once: jansson's, and lines of cells that are aligned late. */
#include "services/kalypso/out.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/hex.h"
#include "services/kalypso/text.h"

enum { DEPTH_MAX = 8, COLUMNS_MAX = 16, GAP = 2 };

/* Lines whose cells stand below each other. */
struct grid {
	char **cells;
	size_t columns, count, room;
};

struct level {
	json_t *json; /* borrowed from the one above */
	bool list;
	const char *none; /* of a list */
	size_t rows;
};

struct cli_out {
	bool json;
	json_t *root;
	struct level levels[DEPTH_MAX];
	size_t depth; /* of the current level */
	struct grid grid;
	struct buf text;
	bool in_table; /* cells go into columns, not below each other */
	size_t cell;   /* in this row */
};

void *cli_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p) {
		fputs("kalypso: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

struct cli_out *cli_out_new(bool json)
{
	struct cli_out *o = cli_alloc(sizeof *o);

	o->json = json;
	o->root = json_object();
	o->levels[0].json = o->root;
	return o;
}

bool cli_out_is_json(const struct cli_out *o)
{
	return o->json;
}

/* ---- grids -------------------------------------------------------------- */

static void clear_grid(struct grid *g)
{
	for (size_t i = 0; i < g->count; i++)
		free(g->cells[i]);
	g->count = g->columns = 0;
}

/* Takes @text. */
static void add_cell(struct grid *g, char *text)
{
	if (g->count == g->room) {
		size_t room = g->room ? 2 * g->room : 32;
		char **grown = cli_alloc(room * sizeof *grown);

		if (g->count)
			memcpy(grown, g->cells, g->count * sizeof *grown);
		free(g->cells);
		g->cells = grown;
		g->room = room;
	}
	g->cells[g->count++] = text;
}

static void print_row(struct buf *to, const struct grid *g, size_t row,
		      const size_t *widths)
{
	size_t owed = 0; /* spaces, written only before something */

	for (size_t c = 0; c < g->columns; c++) {
		const char *cell = g->cells[row * g->columns + c];
		size_t width = cli_width(cell);

		if (width)
			buf_printf(to, "%*s%s", (int)owed, "", cell);
		owed = (width ? 0 : owed) + widths[c] - width + GAP;
	}
	buf_put_u8(to, '\n');
}

static void print_grid(struct cli_out *o)
{
	struct grid *g = &o->grid;
	size_t widths[COLUMNS_MAX] = {0};

	for (size_t i = 0; i < g->count; i++) {
		size_t width = cli_width(g->cells[i]);

		if (width > widths[i % g->columns])
			widths[i % g->columns] = width;
	}
	for (size_t row = 0; g->columns && row < g->count / g->columns; row++)
		print_row(&o->text, g, row, widths);
	clear_grid(g);
}

static char *copy(const char *text, bool upper)
{
	size_t size = strlen(text);
	char *c = cli_alloc(size + 1);

	for (size_t i = 0; i < size; i++)
		c[i] = upper ? (char)toupper((unsigned char)text[i]) : text[i];
	return c;
}

/* The labels of the first row become the table's head: they go in front once
 * all of them are known. */
static void close_head(struct cli_out *o)
{
	struct grid *g = &o->grid;
	size_t columns = o->cell;
	char *cells[COLUMNS_MAX];

	assert(columns <= COLUMNS_MAX && g->count == 2 * columns);
	if (!columns)
		return;
	for (size_t c = 0; c < columns; c++) {
		cells[c] = g->cells[2 * c + 1];
		g->cells[c] = g->cells[2 * c];
	}
	memcpy(g->cells + columns, cells, columns * sizeof *cells);
	g->columns = columns;
}

static void show(struct cli_out *o, const char *label, const char *text)
{
	struct level *l = &o->levels[o->depth];

	if (!label || o->json)
		return;
	if (!o->in_table) {
		o->grid.columns = 2;
		add_cell(&o->grid, copy(label, false));
	} else if (l[-1].rows == 1) {
		add_cell(&o->grid, copy(label, true));
	}
	add_cell(&o->grid, copy(text, false));
	o->cell++;
}

/* ---- the document ------------------------------------------------------- */

/* Takes @v; NULL, of what can't be had, is null. */
static void store(struct cli_out *o, const char *key, json_t *v)
{
	struct level *l = &o->levels[o->depth];

	if (!v)
		v = json_null();
	if (l->list)
		json_array_append_new(l->json, v);
	else if (key)
		json_object_set_new(l->json, key, v);
	else
		json_decref(v);
}

static void put(struct cli_out *o, const char *key, const char *label,
		const char *text, json_t *v)
{
	assert(!o->levels[o->depth].list);
	store(o, key, v);
	show(o, label, text);
}

void cli_begin(struct cli_out *o, const char *key)
{
	struct level *l = &o->levels[o->depth];
	json_t *record = json_object();

	assert(o->depth + 1 < DEPTH_MAX);
	l->rows++;
	if (!l->list)
		print_grid(o);
	store(o, key, record);
	o->levels[++o->depth] = (struct level){.json = record};
	o->cell = 0;
}

void cli_begin_list(struct cli_out *o, const char *key, const char *none)
{
	json_t *list = json_array();

	assert(o->depth + 1 < DEPTH_MAX && !o->in_table);
	print_grid(o);
	store(o, key, list);
	o->levels[++o->depth] =
		(struct level){.json = list, .list = true, .none = none};
	o->in_table = true;
}

static void end_row(struct cli_out *o)
{
	if (o->json)
		return;
	if (o->levels[o->depth].rows == 1)
		close_head(o);
	assert(o->cell == o->grid.columns);
}

void cli_end(struct cli_out *o)
{
	struct level ended = o->levels[o->depth];

	assert(o->depth > 0);
	if (!ended.list && !o->in_table)
		print_grid(o);
	o->depth--;
	if (!ended.list && o->in_table)
		end_row(o);
	if (!ended.list)
		return;
	o->in_table = false;
	if (o->json)
		return;
	print_grid(o);
	if (!ended.rows && ended.none)
		cli_say(o, "%s", ended.none);
}

/* ---- values ------------------------------------------------------------- */

void cli_put_text(struct cli_out *o, const char *key, const char *label,
		  const char *text)
{
	struct buf clean = {0};

	cli_put_clean(&clean,
		      (struct bytes){(const uint8_t *)text, strlen(text)});
	put(o, key, label, buf_text(&clean), json_string(buf_text(&clean)));
	buf_free(&clean);
}

void cli_put_number(struct cli_out *o, const char *key, const char *label,
		    uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, v);
	put(o, key, label, text, json_integer((json_int_t)v));
}

void cli_put_id(struct cli_out *o, const char *key, const char *label,
		uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, v);
	put(o, key, label, text, json_string(text));
}

void cli_put_bool(struct cli_out *o, const char *key, const char *label, bool v)
{
	put(o, key, label, v ? "yes" : "no", json_boolean(v));
}

void cli_put_address(struct cli_out *o, const char *key, const char *label,
		     const struct address *a)
{
	char text[ADDRESS_ROOM];

	address_format(text, a);
	put(o, key, label, text, json_string(text));
}

void cli_put_hash(struct cli_out *o, const char *key, const char *label,
		  const struct hash32 *h)
{
	char text[HASH32_ROOM];

	hash32_format(text, h);
	put(o, key, label, text, json_string(text));
}

void cli_put_bytes(struct cli_out *o, const char *key, const char *label,
		   struct bytes b)
{
	struct buf text = {0};

	buf_put_hex(&text, b.data, b.size);
	put(o, key, label, buf_text(&text), json_string(buf_text(&text)));
	buf_free(&text);
}

void cli_put_amount_text(struct buf *text, const struct u256 *v,
			 const struct cli_token *token)
{
	char number[AMOUNT_TEXT_ROOM];

	amount_format(number, &(struct amount){*v}, token->decimals);
	buf_printf(text, "%s%s%s", number, *token->symbol ? " " : "",
		   token->symbol);
}

void cli_put_amount(struct cli_out *o, const char *key, const char *label,
		    const struct u256 *v, const struct cli_token *token)
{
	struct buf text = {0};
	char units[U256_DEC_ROOM];

	cli_put_amount_text(&text, v, token);
	put(o, key, label, buf_text(&text),
	    json_string(u256_format_dec(units, v)));
	buf_free(&text);
}

void cli_put_seconds(struct cli_out *o, const char *key, const char *label,
		     uint64_t seconds)
{
	char text[CLI_SECONDS_ROOM];

	put(o, key, label, cli_format_seconds(text, seconds),
	    json_integer((json_int_t)seconds));
}

void cli_put_time(struct cli_out *o, const char *key, const char *label,
		  uint64_t time, uint64_t now)
{
	char at[CLI_TIME_ROOM], away[CLI_SECONDS_ROOM];
	char text[CLI_TIME_ROOM + CLI_SECONDS_ROOM + 16];

	if (!time) {
		put(o, key, label, "-", json_null());
		return;
	}
	cli_format_time(at, (struct unix_s){time});
	cli_format_seconds(away, time > now ? time - now : now - time);
	snprintf(text, sizeof text, "%s (%s%s%s)", at, time > now ? "in " : "",
		 away, time > now ? "" : " ago");
	put(o, key, label, text, json_string(at));
}

void cli_put_json(struct cli_out *o, const char *key, json_t *v)
{
	store(o, key, v);
}

void cli_say(struct cli_out *o, const char *format, ...)
{
	char *line;
	va_list args;
	int n;

	if (o->json)
		return;
	print_grid(o);
	va_start(args, format);
	n = vasprintf(&line, format, args);
	va_end(args);
	if (n < 0)
		return;
	buf_printf(&o->text, "%s\n", line);
	free(line);
}

void cli_put_error(struct cli_out *o, int exit_status, const char *name,
		   const char *message)
{
	json_t *error = json_object();
	struct buf clean = {0};

	cli_put_clean(&clean, (struct bytes){(const uint8_t *)message,
					     strlen(message)});
	json_object_set_new(error, "exit", json_integer(exit_status));
	json_object_set_new(error, "name",
			    name ? json_string(name) : json_null());
	json_object_set_new(error, "message", json_string(buf_text(&clean)));
	json_object_set_new(o->root, "error", error);
	buf_free(&clean);
}

/* ---- the end ------------------------------------------------------------ */

bool cli_out_flush(struct cli_out *o)
{
	if (!o->json) {
		print_grid(o);
		fputs(buf_text(&o->text), stdout);
	} else {
		json_dumpf(o->root, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	return fflush(stdout) == 0 && !ferror(stdout);
}

void cli_out_free(struct cli_out **out)
{
	struct cli_out *o = *out;

	if (!o)
		return;
	clear_grid(&o->grid);
	free(o->grid.cells);
	json_decref(o->root);
	buf_free(&o->text);
	free(o);
	*out = NULL;
}
