/* gateway_fixture - an API over a view, and questions to it. */
#ifndef TESTS_UNIT_GATEWAY_FIXTURE_H
#define TESTS_UNIT_GATEWAY_FIXTURE_H

#include "tests/unit/view_fixture.h"

#include <jansson.h>
#include <stdio.h>

#include "services/webhook-gateway/api.h"

enum { HISTORY = 3, EPOCH = 0xabc, ROUNDS = 8 };

static struct said s;
static struct why *why;
static struct api *api;
static struct api_answer answer;

static inline void tell_why(struct said *said, enum logs log,
			    const struct entry *entry)
{
	(void)said;
	why_take(why, log, entry);
}

static inline void begin_with(struct store *store)
{
	struct api_config config = {.store = store,
				    .epoch = EPOCH,
				    .instances = "a,b",
				    .payment = {6, "KUSD"},
				    .stake = {18, "KSTAKE"}};

	s = (struct said){.also = tell_why};
	assert_err(view_new(&s.view, 32, HISTORY), ERR_NONE);
	assert_err(why_new(&why, 4, ROUNDS), ERR_NONE);
	config.view = s.view;
	config.why = why;
	assert_err(api_new(&api, &config), ERR_NONE);
	api_set_ready(api);
	set_market(&s, 1);
	set_generator(&s, 7);
	set_quote(&s, 7, 1, 40, 30);
	close_block(&s, 0);
}

static inline int begin(void **state)
{
	(void)state;
	begin_with(NULL);
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	api_free(&api);
	why_free(&why);
	view_free(&s.view);
	buf_free(&answer.body);
	return 0;
}

/* ---- helpers ------------------------------------------------------------ */

/* The status of GET @path?@args, args separated by &. */
static inline unsigned get(const char *path, const char *args, const char *tag)
{
	char copy[512];
	struct api_request r = {.method = API_GET,
				.path = path,
				.if_none_match = tag,
				.now_us = 5000000};

	snprintf(copy, sizeof copy, "%s", args ? args : "");
	for (char *p = strtok(copy, "&"); p; p = strtok(NULL, "&"))
		r.args[r.args_count++] = p;
	api_answer(api, &r, &answer);
	return answer.status;
}

/* The answer's body; the caller drops it. */
static inline json_t *body(void)
{
	json_error_t wrong;
	json_t *root =
		json_loadb((const char *)answer.body.data, answer.body.size,
			   JSON_REJECT_DUPLICATES, &wrong);

	assert_non_null(root);
	return root;
}

/* The member at @path ("request.task.price", "tasks.0.state"). */
static inline json_t *at(json_t *root, const char *path)
{
	char copy[128], *p;

	snprintf(copy, sizeof copy, "%s", path);
	for (p = strtok(copy, "."); p && root; p = strtok(NULL, "."))
		root = json_is_array(root)
			       ? json_array_get(root, (size_t)atoi(p))
			       : json_object_get(root, p);
	return root;
}

static inline void assert_member(const char *path, const char *want)
{
	json_t *root = body();
	char *text = json_dumps(at(root, path), JSON_ENCODE_ANY | JSON_COMPACT);

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
	json_decref(root);
}

static inline void assert_absent(const char *path)
{
	json_t *root = body();

	assert_null(at(root, path));
	json_decref(root);
}

#endif /* TESTS_UNIT_GATEWAY_FIXTURE_H */
