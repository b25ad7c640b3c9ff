/* The match core, and its decisions beside it. */
#include "services/kalypso/judge.h"

/* ---- the match log ------------------------------------------------------ */

static enum err on_match(struct sink *sink, uint16_t type, struct bytes body)
{
	struct judge *j =
		(struct judge *)((char *)sink - offsetof(struct judge, out));
	struct msg_round_rolled_back back;
	struct msg_match_made made;
	enum err e = ERR_NONE;

	if (type == MSG_MATCH_MADE) {
		e = msg_match_made_decode(&made, body);
		if (!e)
			e = decided_add(&j->decided, &made);
	} else if (type == MSG_ROUND_ROLLED_BACK) {
		e = msg_round_rolled_back_decode(&back, body);
		if (!e)
			decided_cut(&j->decided, back.decisions);
	}
	return e ? e
		 : comparison_next(&j->match_log, &j->first, j->chain_number,
				   j->block, type, body);
}

/* ---- what the contracts did --------------------------------------------- */

static void find_act(struct judge *j, enum finding_kind kind,
		     const struct relay_record *act,
		     const struct decision *decided)
{
	struct finding *f = &j->first;

	if (f->kind)
		return;
	*f = (struct finding){.kind = kind,
			      .log = REDERIVE_CHAIN,
			      .number = act->chain_number,
			      .chain_number = act->chain_number,
			      .block = act->block,
			      .given_type = act->type};
	buf_put(&f->given, act->body.data, act->body.size);
	if (!decided)
		return;
	f->decision = decided_number(&j->decided, decided);
	f->decided = *decided;
}

static enum err check_root(struct judge *j, const struct relay_record *act)
{
	struct msg_match_root_published m;
	const struct decision *decided;
	enum err e = msg_match_root_published_decode(&m, act->body);

	if (e)
		return e;
	j->roots++;
	decided = decided_at(&j->decided, m.batch);
	if (decided && hash32_eq(&decided->root, &m.match_root))
		return ERR_NONE;
	j->bad_roots++;
	find_act(j, FINDING_ROOT, act, decided);
	return ERR_NONE;
}

/* The contract makes the deadline of the block's time and the response time. */
static bool is_as_decided(const struct decision *d,
			  const struct msg_task_created *m)
{
	struct u256 price = u256_from_u128(d->price);

	return address_eq(&d->generator, &m->generator) &&
	       u256_eq(&price, &m->price.v) &&
	       m->deadline.v == m->time.v + d->response_time &&
	       d->valid_until >= m->time.v;
}

static enum err check_task(struct judge *j, const struct relay_record *act)
{
	struct msg_task_created m;
	const struct decision *d;
	enum err e = msg_task_created_decode(&m, act->body);

	if (e)
		return e;
	j->tasks++;
	d = decided_of(&j->decided, m.request_id);
	if (d && is_as_decided(d, &m))
		return ERR_NONE;
	j->bad_tasks++;
	find_act(j, FINDING_TASK, act, d);
	return ERR_NONE;
}

/* One that doesn't decode is counted by who reads the chain log. */
static enum err check_act(struct judge *j, const struct relay_record *act)
{
	enum err e = ERR_NONE;

	if (act->type == MSG_MATCH_ROOT_PUBLISHED)
		e = check_root(j, act);
	else if (act->type == MSG_TASK_CREATED)
		e = check_task(j, act);
	return e == ERR_MALFORMED ? ERR_NONE : e;
}

enum err judge_record(void *arg, const struct relay_record *record)
{
	struct judge *j = arg;

	j->chain_number = record->chain_number;
	j->block = record->block;
	if (record->kind == JUDGE_ACT)
		return check_act(j, record);
	return match_receive(j->match, &j->out, record->type, record->body);
}

/* ---- life --------------------------------------------------------------- */

enum err judge_new(struct judge *j, const struct match_rule *rule,
		   unsigned depth, const struct logfile_log *given,
		   bool counts_only)
{
	enum err e;

	*j = (struct judge){.out = {.put = on_match}};
	e = comparison_new(&j->match_log, REDERIVE_MATCH, given, counts_only);
	return e ? e : match_new(&j->match, rule, depth);
}

void judge_free(struct judge *j)
{
	match_free(&j->match);
	decided_free(&j->decided);
	comparison_free(&j->match_log);
	finding_free(&j->first);
	buf_free(&j->out.scratch);
}
