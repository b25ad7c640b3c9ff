/* One answer, as text and as a document. */
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/kalypso/out.h"

static const struct cli_token usd = {.decimals = 6, .symbol = "KUSD"};

/* What @out writes to stdout; the caller frees it. */
static char *flush(struct cli_out **out)
{
	int before = dup(STDOUT_FILENO);
	FILE *f = tmpfile();
	char *text = calloc(1, 8192);

	assert_true(before >= 0 && f && text);
	fflush(stdout);
	dup2(fileno(f), STDOUT_FILENO);
	assert_true(cli_out_flush(*out));
	dup2(before, STDOUT_FILENO);
	close(before);
	rewind(f);
	assert_true(fread(text, 1, 8191, f) > 0);
	fclose(f);
	cli_out_free(out);
	return text;
}

static json_t *document(struct cli_out **out)
{
	char *text = flush(out);
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(json);
	assert_string_equal(text + strlen(text) - 2, "}\n");
	free(text);
	return json;
}

static void say_everything(struct cli_out *o)
{
	const struct u256 price = u256_from_u64(1250000);

	cli_put_id(o, "market_id", "Market", 1);
	cli_put_text(o, "name", "The name", "Zürich\033[0m");
	cli_put_amount(o, "price", "Price", &price, &usd);
	cli_put_time(o, "expiry", "Expiry", 1795248000, 1795247990);
	cli_put_time(o, "deadline", "Deadline", 0, 1795247990);
	cli_put_text(o, "only_document", NULL, "x");
	cli_put_text(o, NULL, "Only text", "y");
	cli_begin_list(o, "quotes", "no quotes");
	for (uint64_t i = 1; i <= 2; i++) {
		cli_begin(o, NULL);
		cli_put_id(o, "id", "Id", i * 1000);
		cli_put_text(o, "note", "Note", i == 1 ? "" : "€");
		cli_put_bool(o, "active", "Active", i == 1);
		cli_end(o);
	}
	cli_end(o);
	cli_begin_list(o, "tasks", "no tasks");
	cli_end(o);
	cli_say(o, "%s", "the end");
}

static void people_see_aligned_text(void **state)
{
	struct cli_out *o = cli_out_new(false);
	char *text;

	(void)state;
	say_everything(o);
	text = flush(&o);
	assert_string_equal(text, "Market     1\n"
				  "The name   Zürich?[0m\n"
				  "Price      1.25 KUSD\n"
				  "Expiry     2026-11-21T08:00:00Z (in 10 s)\n"
				  "Deadline   -\n"
				  "Only text  y\n"
				  "ID    NOTE  ACTIVE\n"
				  "1000        yes\n"
				  "2000  €     no\n"
				  "no tasks\n"
				  "the end\n");
	free(text);
}

static void scripts_get_one_document(void **state)
{
	struct cli_out *o = cli_out_new(true);
	json_t *want = json_loads(
		"{\"market_id\":\"1\",\"name\":\"Z\\u00fcrich?[0m\","
		"\"price\":\"1250000\",\"expiry\":\"2026-11-21T08:00:00Z\","
		"\"deadline\":null,\"only_document\":\"x\",\"quotes\":["
		"{\"id\":\"1000\",\"note\":\"\",\"active\":true},"
		"{\"id\":\"2000\",\"note\":\"\\u20ac\",\"active\":false}],"
		"\"tasks\":[]}",
		0, NULL);
	json_t *is;

	(void)state;
	say_everything(o);
	is = document(&o);
	assert_true(json_equal(is, want));
	json_decref(is);
	json_decref(want);
}

static void an_error_joins_what_was_said(void **state)
{
	struct cli_out *o = cli_out_new(true);
	json_t *is, *error;

	(void)state;
	cli_put_id(o, "market_id", "Market", 1);
	cli_begin_list(o, "rows", NULL);
	cli_begin(o, NULL);
	cli_put_error(o, 4, "MarketUnknown", "no\nsuch \xff market");
	is = document(&o);
	error = json_object_get(is, "error");
	assert_int_equal(json_integer_value(json_object_get(error, "exit")), 4);
	assert_string_equal(json_string_value(json_object_get(error, "name")),
			    "MarketUnknown");
	assert_string_equal(
		json_string_value(json_object_get(error, "message")),
		"no?such ? market");
	assert_string_equal(json_string_value(json_object_get(is, "market_id")),
			    "1");
	json_decref(is);
}

static void records_nest(void **state)
{
	struct cli_out *o = cli_out_new(true);
	json_t *is, *want = json_loads("{\"node\":{\"head\":\"7\"},\"x\":null,"
				       "\"n\":3}",
				       0, NULL);

	(void)state;
	cli_begin(o, "node");
	cli_put_id(o, "head", "Head", 7);
	cli_end(o);
	cli_put_json(o, "x", NULL);
	cli_put_number(o, "n", "N", 3);
	is = document(&o);
	assert_true(json_equal(is, want));
	json_decref(is);
	json_decref(want);
}

static void a_record_has_lines_of_its_own(void **state)
{
	struct cli_out *o = cli_out_new(false);
	char *text;

	(void)state;
	cli_put_id(o, "a", "A", 1);
	cli_begin(o, "b");
	cli_put_id(o, "long", "Long label", 2);
	cli_put_id(o, "x", "X", 3);
	cli_end(o);
	cli_put_id(o, "c", "C", 4);
	text = flush(&o);
	assert_string_equal(text, "A  1\n"
				  "Long label  2\n"
				  "X           3\n"
				  "C  4\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_see_aligned_text),
		cmocka_unit_test(scripts_get_one_document),
		cmocka_unit_test(an_error_joins_what_was_said),
		cmocka_unit_test(records_nest),
		cmocka_unit_test(a_record_has_lines_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
