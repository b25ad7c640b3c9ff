/* What the gateway's read model promises. */
#include "tests/dice.h"
#include "tests/unit/view_fixture.h"

#include <stdio.h>

enum { DEPTH = 32, HISTORY = 20 };

static struct said s;

static int begin(void **state)
{
	(void)state;
	s = (struct said){.view = NULL};
	assert_err(view_new(&s.view, DEPTH, HISTORY), ERR_NONE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	view_free(&s.view);
	return 0;
}

/* Market 1 with a quote of generator 7, in block 1. */
static void open_market(void)
{
	set_market(&s, 1);
	set_generator(&s, 7);
	set_quote(&s, 7, 1, 40, 30);
	close_block(&s, 0);
}

/* ---- marks -------------------------------------------------------------- */

static void half_a_block_is_not_seen(void **state)
{
	(void)state;
	open_market();
	open_request(&s, 1, 1, 5);
	assert_null(view_request(s.view, 1));
	assert_int_equal(view_log(s.view, LOGS_BOOK)->seq, 4);
	assert_int_equal(view_log(s.view, LOGS_BOOK)->taken, 5);
	close_block(&s, 0);
	assert_non_null(view_request(s.view, 1));
	assert_int_equal(view_log(s.view, LOGS_BOOK)->seq, 6);
	assert_int_equal(view_log(s.view, LOGS_BOOK)->block.number, 2);
}

static void half_a_block_before_a_roll_back_is_never_seen(void **state)
{
	(void)state;
	open_market();
	close_block(&s, 0);
	open_request(&s, 1, 1, 5);
	roll_back(&s, 1, 0);
	assert_null(view_request(s.view, 1));
	assert_non_null(view_market(s.view, 1));
	assert_int_equal(view_requests_end(s.view), 0);
}

/* ---- a request's life --------------------------------------------------- */

static void a_request_is_open_then_assigned_then_fulfilled(void **state)
{
	const struct view_request *r;

	(void)state;
	open_market();
	open_request(&s, 1, 1, 5);
	close_block(&s, 0);
	r = view_request(s.view, 1);
	assert_int_equal(r->state, VIEW_OPEN);
	assert_int_equal(r->record.arrived.block, 2);
	start_task(&s, 1, 1, 7);
	close_block(&s, 0);
	r = view_request(s.view, 1);
	assert_int_equal(r->state, VIEW_ASSIGNED);
	assert_int_equal(r->record.assigned_at.block, 3);
	end_task(&s, 1, 1, 7, OUTCOME_FULFILLED);
	close_block(&s, 0);
	r = view_request(s.view, 1);
	assert_int_equal(r->state, VIEW_FULFILLED);
	assert_int_equal(r->record.ended_at.block, 4);
	assert_int_equal(r->record.paid.v.limb[0], 40);
	assert_int_equal(r->record.refund.v.limb[0], 10);
}

static void a_cancelled_request_gets_its_whole_cap_back(void **state)
{
	const struct view_request *r;

	(void)state;
	open_market();
	open_request(&s, 1, 1, 5);
	close_block(&s, 0);
	close_request(&s, 1, 1);
	close_block(&s, 0);
	r = view_request(s.view, 1);
	assert_int_equal(r->state, VIEW_CANCELLED);
	assert_int_equal(r->record.refund.v.limb[0], 50);
	assert_int_equal(r->record.paid.v.limb[0], 0);
}

static void a_market_counts_its_requests_by_state(void **state)
{
	const struct view_market *m;

	(void)state;
	open_market();
	for (uint64_t id = 1; id <= 5; id++)
		open_request(&s, id, 1, 5);
	close_block(&s, 0);
	start_task(&s, 1, 1, 7);
	start_task(&s, 2, 1, 7);
	start_task(&s, 3, 1, 7);
	close_request(&s, 4, 1);
	close_block(&s, 0);
	end_task(&s, 1, 1, 7, OUTCOME_FULFILLED);
	end_task(&s, 2, 1, 7, OUTCOME_SLASHED);
	close_block(&s, 0);
	m = view_market(s.view, 1);
	assert_int_equal(m->quotes, 1);
	assert_int_equal(m->states[VIEW_OPEN], 1);
	assert_int_equal(m->states[VIEW_ASSIGNED], 1);
	assert_int_equal(m->states[VIEW_FULFILLED], 1);
	assert_int_equal(m->states[VIEW_SLASHED], 1);
	assert_int_equal(m->states[VIEW_CANCELLED], 1);
}

static void what_the_chain_refused_is_remembered(void **state)
{
	const struct view_request *r;

	(void)state;
	open_market();
	open_request(&s, 1, 1, 5);
	for (unsigned i = 0; i < 2; i++)
		SAY(&s, LOGS_BOOK, assignment_refused,
		    {.request_id = 1,
		     .generator = address_of(7),
		     .reason = {{1, 2, 3, 4}},
		     .at = here(&s)});
	close_block(&s, 0);
	r = view_request(s.view, 1);
	assert_int_equal(r->refusals, 2);
	assert_int_equal(r->refused_reason.bytes[3], 4);
	assert_int_equal(r->state, VIEW_OPEN);
}

static void those_that_ended_make_room_after_history(void **state)
{
	(void)state;
	open_market();
	for (uint64_t id = 1; id <= HISTORY + 5; id++) {
		open_request(&s, id, 1, 5);
		close_request(&s, id, 1);
		close_block(&s, 0);
	}
	assert_null(view_request(s.view, 5));
	assert_non_null(view_request(s.view, 6));
	assert_int_equal(view_sizes(s.view).requests, HISTORY);
	assert_int_equal(view_requests_end(s.view), HISTORY + 5);
	/* Undone, what had made room for them is back. */
	roll_back(&s, HISTORY + 2, 0);
	assert_non_null(view_request(s.view, 2));
	assert_null(view_request(s.view, 1));
	assert_int_equal(view_requests_end(s.view), HISTORY + 1);
}

static void a_contradiction_is_counted_and_changes_nothing(void **state)
{
	(void)state;
	open_market();
	start_task(&s, 9, 1, 7);
	end_task(&s, 9, 1, 7, OUTCOME_FULFILLED);
	close_request(&s, 9, 1);
	SAY(&s, LOGS_BOOK, quote_removed, {.market_id = 3});
	SAY(&s, LOGS_BOOK, generator_removed, {.generator = address_of(99)});
	close_block(&s, 0);
	assert_int_equal(view_sizes(s.view).contradictions, 5);
	assert_int_equal(view_market(s.view, 1)->states[VIEW_OPEN], 0);
	assert_int_equal(view_sizes(s.view).requests, 0);
}

static void what_does_not_decode_is_an_error(void **state)
{
	static const uint8_t rubbish[] = {0xc1, 0xff};
	struct entry entry = {1, MSG_BLOCK_CLOSED, {rubbish, 2}};
	struct entry unknown = {1, 0x02ff, {rubbish, 2}};

	(void)state;
	assert_err(view_take(s.view, LOGS_BOOK, &unknown), ERR_NONE);
	assert_err(view_take(s.view, LOGS_BOOK, &entry), ERR_MALFORMED);
}

static void too_deep_a_roll_back_is_an_error(void **state)
{
	struct msg_book_rolled_back m = {.to = block_of(1, 0)};

	(void)state;
	for (unsigned i = 0; i < DEPTH + 3; i++)
		close_block(&s, 0);
	assert_err(say_to(&s, LOGS_BOOK, 100, &msg_book_rolled_back_wire, &m),
		   ERR_FINALITY);
}

/* ---- generators and quotes ---------------------------------------------- */

static void quotes_stand_by_price_then_time(void **state)
{
	static const uint64_t want[] = {3, 1, 4, 2};
	const struct view_quote *q = NULL;

	(void)state;
	set_market(&s, 1);
	for (uint64_t who = 1; who <= 4; who++)
		set_generator(&s, who);
	set_quote(&s, 1, 1, 20, 30);
	set_quote(&s, 2, 1, 10, 30);
	set_quote(&s, 3, 1, 20, 10);
	set_quote(&s, 4, 1, 20, 30);
	set_quote(&s, 4, 2, 1, 30);  /* of another market */
	set_quote(&s, 2, 1, 30, 30); /* changed its mind */
	close_block(&s, 0);
	for (unsigned i = 0; i < 4; i++) {
		struct address who = address_of(want[i]);

		q = view_market_quote(s.view, 1, q);
		assert_non_null(q);
		assert_true(address_eq(&q->set.generator, &who));
	}
	assert_null(view_market_quote(s.view, 1, q));
	assert_int_equal(view_market(s.view, 1)->quotes, 4);
}

static void a_generator_keeps_its_record_when_it_leaves(void **state)
{
	struct address who = address_of(7);
	const struct view_generator *g;

	(void)state;
	open_market();
	for (uint64_t id = 1; id <= 3; id++)
		open_request(&s, id, 1, 5);
	start_task(&s, 1, 1, 7);
	start_task(&s, 2, 1, 7);
	start_task(&s, 3, 1, 7);
	close_block(&s, 0);
	end_task(&s, 1, 1, 7, OUTCOME_FULFILLED);
	end_task(&s, 2, 1, 7, OUTCOME_INVALID);
	end_task(&s, 3, 1, 7, OUTCOME_SLASHED);
	SAY(&s, LOGS_BOOK, quote_removed,
	    {.generator = address_of(7), .market_id = 1});
	SAY(&s, LOGS_BOOK, generator_removed, {.generator = who});
	close_block(&s, 0);
	g = view_generator(s.view, &who);
	assert_false(g->registered);
	assert_int_equal(g->fulfilled, 1);
	assert_int_equal(g->invalid, 1);
	assert_int_equal(g->slashed, 1);
	assert_int_equal(g->running, 0);
	assert_int_equal(g->proving_s, 10);
	assert_int_equal(g->earned.v.limb[0], 80);
	assert_null(view_generator_quote(s.view, &who, NULL));
	assert_int_equal(view_market(s.view, 1)->quotes, 0);
}

static void a_quote_is_available_while_compute_and_stake_last(void **state)
{
	struct msg_generator_set g = {.generator = address_of(7),
				      .compute = 10,
				      .stake = units(1000)};
	const struct view_quote *q;

	(void)state;
	open_market();
	q = view_market_quote(s.view, 1, NULL);
	assert_true(view_is_available(s.view, q));
	g.used_compute = 10;
	SAY(&s, LOGS_BOOK, generator_set, g);
	close_block(&s, 0);
	assert_false(view_is_available(s.view, q));
	g.used_compute = 9;
	g.unstaking = units(901); /* 99 are left of the 100 it takes */
	SAY(&s, LOGS_BOOK, generator_set, g);
	close_block(&s, 0);
	assert_false(view_is_available(s.view, q));
	g.unstaking = units(900);
	SAY(&s, LOGS_BOOK, generator_set, g);
	close_block(&s, 0);
	assert_true(view_is_available(s.view, q));
}

static void a_task_is_overdue_after_its_deadline(void **state)
{
	(void)state;
	open_market();
	open_request(&s, 1, 1, 5);
	start_task(&s, 1, 1, 7); /* 30 s; a block takes 10 */
	close_block(&s, 0);
	for (unsigned i = 0; i < 3; i++)
		close_block(&s, 0);
	assert_false(view_is_overdue(s.view, view_request(s.view, 1)));
	close_block(&s, 0);
	assert_true(view_is_overdue(s.view, view_request(s.view, 1)));
}

static void the_suspended_are_marked(void **state)
{
	(void)state;
	open_market();
	open_request(&s, 1, 1, 5);
	SAY(&s, LOGS_BOOK, suspended, {.request_id = 1});
	SAY(&s, LOGS_BOOK, suspended, {.generator = address_of(7)});
	SAY(&s, LOGS_BOOK, suspended, {.market_id = 1});
	SAY(&s, LOGS_BOOK, suspended, {.request_id = 99});
	SAY(&s, LOGS_BOOK, suspended, {.generator = address_of(99)});
	SAY(&s, LOGS_BOOK, suspended, {.market_id = 99});
	close_block(&s, 0);
	assert_true(view_request(s.view, 1)->suspended);
	assert_true(view_market(s.view, 1)->suspended);
	assert_true(
		view_generator(s.view, &(struct address[]){address_of(7)}[0])
			->suspended);
}

/* ---- histories ---------------------------------------------------------- */

/* Everything that can be read of the book, as text. */
static void describe(const struct view *v, struct buf *out)
{
	struct view_filter all = {.states = 0};
	const struct view_request *page[64];
	const struct view_generator *g = NULL;
	const struct view_market *m = NULL;

	while ((m = view_market_after(v, m ? m->set.market_id : 0))) {
		const struct view_quote *q = NULL;
		const struct view_request *r = NULL;

		wire_json(&msg_market_set_wire, &m->set, out);
		buf_printf(out, " q%d", (int)m->quotes);
		for (int i = 0; i < VIEW_STATES; i++)
			buf_printf(out, " %d", (int)m->states[i]);
		while ((q = view_market_quote(v, m->set.market_id, q)))
			wire_json(&msg_quote_set_wire, &q->set, out);
		while ((r = view_open_request(v, m->set.market_id, r)))
			buf_printf(out, " o%d", (int)r->record.request_id);
	}
	while ((g = view_generator_after(v, g ? &g->set.generator : NULL))) {
		wire_json(&msg_generator_set_wire, &g->set, out);
		buf_printf(out, " %d %d %d %d %d %d", g->registered,
			   (int)g->running, (int)g->fulfilled, (int)g->slashed,
			   (int)g->proving_s, (int)g->earned.v.limb[0]);
	}
	do {
		size_t n = view_requests(v, &all, page, 64, &all.before_id);

		for (size_t i = 0; i < n; i++) {
			wire_json(&msg_request_record_wire, &page[i]->record,
				  out);
			buf_printf(out, " %d", page[i]->state);
		}
	} while (all.before_id);
	for (enum view_state state = VIEW_OPEN; state <= VIEW_ASSIGNED; state++)
		buf_printf(out, " escrow %d",
			   (int)view_escrow(v, state)->v.limb[0]);
	buf_printf(out, " end %d", (int)view_requests_end(v));
}

/* Something that the book could say of what is there. */
static void say_something(void)
{
	uint64_t market = 1 + draw(2), who = 7 + draw(3);
	uint64_t id = view_requests_end(s.view) + 1;
	const struct view_request *r;
	struct address a = address_of(who);

	switch (draw(6)) {
	case 0:
		set_generator(&s, who);
		set_quote(&s, who, 1, 30 + draw(20), 30);
		set_quote(&s, who, 2, 30 + draw(20), 30);
		break;
	case 1: /* one a block: the view learns of it at the mark */
		if (!s.index)
			open_request(&s, id, market, 5 + draw(2));
		break;
	case 2:
		r = view_open_request(s.view, market, NULL);
		if (r && !s.index && view_generator(s.view, &a))
			start_task(&s, r->record.request_id, market, who);
		break;
	case 3:
		r = view_request(s.view, id - 1 - draw(5));
		if (r && !s.index && r->state == VIEW_ASSIGNED)
			SAY(&s, LOGS_BOOK, task_ended,
			    {.request_id = r->record.request_id,
			     .market_id = r->record.market_id,
			     .generator = r->record.generator,
			     .outcome = (enum outcome)draw(3),
			     .paid = units(draw(9)),
			     .at = here(&s),
			     .time = now(&s)});
		break;
	case 4:
		r = view_request(s.view, id - 1 - draw(5));
		if (r && !s.index && r->state == VIEW_OPEN)
			close_request(&s, r->record.request_id,
				      r->record.market_id);
		break;
	default:
		break;
	}
}

static void a_roll_back_leaves_no_trace(void **state)
{
	enum { BLOCKS = 800 };
	static struct buf at[BLOCKS + 1];
	uint64_t branch = 0, highest = 1;

	(void)state;
	set_market(&s, 1);
	set_market(&s, 2);
	close_block(&s, 0);
	describe(s.view, &at[1]);
	for (unsigned step = 0; step < BLOCKS; step++) {
		uint64_t tip = s.block.number, back = draw(8);

		if (tip > highest)
			highest = tip;
		if (draw(12) == 0 && tip > back + 1 &&
		    tip - back + DEPTH >= highest) {
			struct buf now_is = {0};

			roll_back(&s, tip - back, ++branch);
			describe(s.view, &now_is);
			assert_string_equal(buf_text(&now_is),
					    buf_text(&at[tip - back]));
			buf_free(&now_is);
			continue;
		}
		for (unsigned i = 0; i < 4; i++)
			say_something();
		close_block(&s, branch);
		buf_clear(&at[s.block.number]);
		describe(s.view, &at[s.block.number]);
	}
	assert_int_equal(view_sizes(s.view).contradictions, 0);
	assert_true(view_requests_end(s.view) > HISTORY);
	for (unsigned i = 0; i <= BLOCKS; i++)
		buf_free(&at[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(half_a_block_is_not_seen),
		TEST(half_a_block_before_a_roll_back_is_never_seen),
		TEST(a_request_is_open_then_assigned_then_fulfilled),
		TEST(a_cancelled_request_gets_its_whole_cap_back),
		TEST(a_market_counts_its_requests_by_state),
		TEST(what_the_chain_refused_is_remembered),
		TEST(those_that_ended_make_room_after_history),
		TEST(a_contradiction_is_counted_and_changes_nothing),
		TEST(what_does_not_decode_is_an_error),
		TEST(too_deep_a_roll_back_is_an_error),
		TEST(quotes_stand_by_price_then_time),
		TEST(a_generator_keeps_its_record_when_it_leaves),
		TEST(a_quote_is_available_while_compute_and_stake_last),
		TEST(a_task_is_overdue_after_its_deadline),
		TEST(the_suspended_are_marked),
		TEST(a_roll_back_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
