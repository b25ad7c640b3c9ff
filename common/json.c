/* Values are hung up as yajl tells of them: where the next one goes is the
 * innermost container that is open, and for an object the name before it. */
#include "common/json.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

struct reader {
	json_t *root;
	json_t *open[JSON_DEPTH_MAX];
	unsigned depth;
	/* Of the object, whose value comes next; in yajl's memory or @copied.
	 */
	char *name;
	size_t name_size, name_room;
};

/* Takes @value over. */
static int hang(struct reader *r, json_t *value)
{
	json_t *in = r->depth ? r->open[r->depth - 1] : NULL;

	if (!value)
		return 0;
	if (!in) {
		r->root = value;
		return json_is_object(value) || json_is_array(value);
	}
	if (json_is_array(in))
		return json_array_append_new(in, value) == 0;
	return json_object_setn_new_nocheck(in, r->name, r->name_size, value) ==
	       0;
}

static int on_null(void *arg)
{
	return hang(arg, json_null());
}

static int on_bool(void *arg, int value)
{
	return hang(arg, json_boolean(value));
}

static json_t *number_of(const char *text)
{
	double real;
	long long whole;

	errno = 0;
	if (!strpbrk(text, ".eE")) {
		whole = strtoll(text, NULL, 10);
		return errno ? NULL : json_integer(whole);
	}
	real = strtod(text, NULL);
	return isinf(real) ? NULL : json_real(real);
}

static int on_number(void *arg, const char *text, size_t size)
{
	char room[64], *copy = size < sizeof room ? room : malloc(size + 1);
	int ok;

	if (!copy)
		return 0;
	memcpy(copy, text, size);
	copy[size] = '\0';
	ok = hang(arg, number_of(copy));
	if (copy != room)
		free(copy);
	return ok;
}

static int on_string(void *arg, const unsigned char *text, size_t size)
{
	return !memchr(text, 0, size) &&
	       hang(arg, json_stringn_nocheck((const char *)text, size));
}

static int on_name(void *arg, const unsigned char *text, size_t size)
{
	struct reader *r = arg;

	if (size >= r->name_room) {
		free(r->name);
		r->name_room = 2 * size + 64;
		r->name = malloc(r->name_room);
		if (!r->name) {
			r->name_room = 0;
			return 0;
		}
	}
	memcpy(r->name, text, size);
	r->name[size] = '\0';
	r->name_size = size;
	return !memchr(text, 0, size) &&
	       !json_object_getn(r->open[r->depth - 1], r->name, size);
}

static int go_in(struct reader *r, json_t *container)
{
	if (r->depth == JSON_DEPTH_MAX) {
		json_decref(container);
		return 0;
	}
	if (!hang(r, container))
		return 0;
	r->open[r->depth++] = container;
	return 1;
}

static int on_map(void *arg)
{
	return go_in(arg, json_object());
}

static int on_array(void *arg)
{
	return go_in(arg, json_array());
}

static int on_end(void *arg)
{
	((struct reader *)arg)->depth--;
	return 1;
}

static bool is_blank(struct bytes text, size_t from)
{
	for (size_t i = from; i < text.size; i++)
		if (!text.data[i] || !strchr(" \t\r\n", text.data[i]))
			return false;
	return true;
}

json_t *json_read(struct bytes text)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = on_null,
		.yajl_boolean = on_bool,
		.yajl_number = on_number,
		.yajl_string = on_string,
		.yajl_start_map = on_map,
		.yajl_map_key = on_name,
		.yajl_end_map = on_end,
		.yajl_start_array = on_array,
		.yajl_end_array = on_end,
	};
	struct reader r;
	yajl_handle parser;

	r.root = NULL;
	r.depth = 0;
	r.name = NULL;
	r.name_size = r.name_room = 0;
	parser = yajl_alloc(&callbacks, NULL, &r);
	if (!parser)
		return NULL;
	/* It would let half a string pass there. */
	yajl_config(parser, yajl_allow_trailing_garbage, 1);
	if (yajl_parse(parser, text.data, text.size) != yajl_status_ok ||
	    !is_blank(text, yajl_get_bytes_consumed(parser)) ||
	    yajl_complete_parse(parser) != yajl_status_ok) {
		json_decref(r.root);
		r.root = NULL;
	}
	yajl_free(parser);
	free(r.name);
	return r.root;
}
