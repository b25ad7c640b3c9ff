/* What counts of what several nodes say: the rule of agree.h, by cases. */
#include "tests/test.h"

#include "common/agree.h"

enum { PATIENCE_MS = 1000, ALL = 7 };

/* Voices of nodes 0, 1, 2: '.' not asked, '?' under way for a moment, '*' for
 * longer than patience, '-' lacks it, '!' failed a moment ago, letters: said.
 */
static void voices(struct agree *a, const char *text, unsigned wanted,
		   bool strict, uint64_t now_ms)
{
	agree_begin(a, (unsigned)strlen(text), wanted, strict, PATIENCE_MS, 0);
	for (unsigned i = 0; text[i]; i++) {
		struct hash32 said = {{(uint8_t)text[i]}};

		switch (text[i]) {
		case '.':
			break;
		case '?':
			agree_hear(a, i, AGREE_ASKED, NULL, now_ms);
			break;
		case '*':
			agree_hear(a, i, AGREE_ASKED, NULL,
				   now_ms - PATIENCE_MS);
			break;
		case '-':
			agree_hear(a, i, AGREE_LACKS, NULL, now_ms);
			break;
		case '!':
			agree_hear(a, i, AGREE_FAILED, NULL, now_ms);
			break;
		default:
			agree_hear(a, i, AGREE_SAID, &said, now_ms);
		}
	}
}

struct row {
	const char *voices;
	unsigned fit, promising;
	bool late; /* patience is over */
	enum agree_verdict verdict;
	unsigned node; /* of AGREE_ASK, _TAKE and _ALONE */
};

static void check(const struct row *r, unsigned wanted, bool strict)
{
	uint64_t now = r->late ? 5 * PATIENCE_MS : 10;
	struct agree a;
	unsigned node = 99;
	enum agree_verdict v;

	/* '*' needs a past to be in. */
	if (strchr(r->voices, '*'))
		now += PATIENCE_MS;
	voices(&a, r->voices, wanted, strict, now);
	if (strchr(r->voices, '*') && !r->late)
		a.began_ms = now - 10;
	v = agree_decide(&a, r->fit, r->promising, 0, now, &node);
	if (v != r->verdict)
		fail_msg("%s: %d, not %d", r->voices, v, r->verdict);
	if ((v == AGREE_ASK || v == AGREE_TAKE || v == AGREE_ALONE) &&
	    node != r->node)
		fail_msg("%s: node %u, not %u", r->voices, node, r->node);
}

static void one_node_is_believed_at_once(void **state)
{
	static const struct row rows[] = {
		{".", 1, 1, false, AGREE_ASK, 0},
		{"?", 1, 1, false, AGREE_WAIT, 0},
		{"*", 1, 1, true, AGREE_WAIT, 0},
		{"A", 1, 1, false, AGREE_TAKE, 0},
		{"-", 1, 1, false, AGREE_NONE, 0},
		{"!", 1, 1, false, AGREE_NONE, 0},
		{".", 0, 1, false, AGREE_NONE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (unsigned strict = 0; strict < 2; strict++)
			check(&rows[i], 2, strict);
}

static void as_many_as_wanted_are_asked_side_by_side(void **state)
{
	static const struct row rows[] = {
		{"...", ALL, ALL, false, AGREE_ASK, 0},
		{"?..", ALL, ALL, false, AGREE_ASK, 1},
		{"??.", ALL, ALL, false, AGREE_WAIT, 0},
		{"A?.", ALL, ALL, false, AGREE_WAIT, 0},
		{"AA.", ALL, ALL, false, AGREE_TAKE, 0},
		{"A!.", ALL, ALL, false, AGREE_ASK, 2},
		{"A-.", ALL, ALL, false, AGREE_ASK, 2},
		{"A*.", ALL, ALL, false, AGREE_ASK, 2},
		{"?..", ALL, 1 << 0 | 1 << 2, false, AGREE_ASK, 2},
		{"?..", 1 << 0, ALL, false, AGREE_WAIT, 0},
		{"A*A", ALL, ALL, false, AGREE_TAKE, 0},
		{"-?A", ALL, ALL, false, AGREE_WAIT, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		check(&rows[i], 2, false);
}

static void the_majority_counts_and_nothing_without_one(void **state)
{
	static const struct row rows[] = {
		{"AB.", ALL, ALL, false, AGREE_ASK, 2},
		{"AB?", ALL, ALL, false, AGREE_WAIT, 0},
		{"ABA", ALL, ALL, false, AGREE_TAKE, 0},
		{"BAA", ALL, ALL, false, AGREE_TAKE, 1},
		{"ABC", ALL, ALL, false, AGREE_SPLIT, 0},
		{"AB", 3, 3, false, AGREE_SPLIT, 0},
		{"AB*", ALL, ALL, true, AGREE_SPLIT, 0},
		{"AB-", ALL, ALL, true, AGREE_SPLIT, 0},
		{"AB.", 3, 3, false, AGREE_SPLIT, 0},
		{"AB.", 3, ALL, false, AGREE_WAIT, 0}, /* it may come back */
		{"AABB", 15, 15, false, AGREE_SPLIT, 0},
		{"AAB.", 15, 15, false, AGREE_ASK, 3},
		{"AABA", 15, 15, false, AGREE_TAKE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		check(&rows[i], 2, false);
}

static void one_alone_counts_only_if_nobody_else_can_say(void **state)
{
	static const struct row rows[] = {
		{"A.", 1, 3, false, AGREE_WAIT, 0}, /* it failed just now */
		{"A.", 1, 3, true, AGREE_ALONE, 0},
		{"A.", 1, 1, false, AGREE_ALONE, 0}, /* it has for long */
		{"A-", 3, 3, false, AGREE_WAIT, 0},
		{"A-", 3, 3, true, AGREE_ALONE, 0},
		{"A-", 3, 1, false, AGREE_ALONE, 0}, /* it lags */
		{"A*", 3, 3, true, AGREE_ALONE, 0},
		{"A?", 3, 1, false, AGREE_ALONE, 0},
		{"A?", 3, 3, false, AGREE_WAIT, 0},
		{"A--", ALL, ALL, true, AGREE_NONE, 0}, /* two say no */
		{"A--", ALL, 1 << 0 | 1 << 1, true, AGREE_ALONE, 0},
		{"--", 3, 3, true, AGREE_NONE, 0},
		{"!!", 3, 3, false, AGREE_NONE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct row strict = rows[i];

		check(&rows[i], 2, false);
		if (strict.verdict == AGREE_ALONE)
			strict.verdict = AGREE_WAIT;
		if (!strchr(strict.voices, '-') && !strchr(strict.voices, '!'))
			check(&strict, 2, true);
	}
}

static void who_lacked_it_or_failed_is_asked_again_while_there_is_patience(
	void **state)
{
	struct agree a;
	unsigned node;

	(void)state;
	voices(&a, "A-!", 2, false, 100);
	assert_int_equal(agree_decide(&a, ALL, ALL, 0, 120, &node), AGREE_WAIT);
	assert_int_equal(
		agree_decide(&a, ALL, ALL, 0, 100 + AGREE_AGAIN_MS, &node),
		AGREE_ASK);
	assert_int_equal(node, 1);
	assert_int_equal(agree_decide(&a, ALL, ALL, 0, 2000, &node),
			 AGREE_ALONE);
	a.strict = true;
	assert_int_equal(agree_decide(&a, ALL, ALL, 0, 2000, &node), AGREE_ASK);
	assert_int_equal(node, 1);
}

static void who_said_otherwise_is_told(void **state)
{
	struct agree a;

	(void)state;
	voices(&a, "AB-", 2, false, 1);
	assert_true(agree_contradicts(&a, 1, 0));
	assert_false(agree_contradicts(&a, 0, 0));
	assert_false(agree_contradicts(&a, 2, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_node_is_believed_at_once),
		cmocka_unit_test(as_many_as_wanted_are_asked_side_by_side),
		cmocka_unit_test(the_majority_counts_and_nothing_without_one),
		cmocka_unit_test(one_alone_counts_only_if_nobody_else_can_say),
		cmocka_unit_test(
			who_lacked_it_or_failed_is_asked_again_while_there_is_patience),
		cmocka_unit_test(who_said_otherwise_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
