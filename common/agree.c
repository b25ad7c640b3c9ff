/* Counting voices. */
#include "common/agree.h"

#include <string.h>

void agree_begin(struct agree *a, unsigned count, unsigned wanted, bool strict,
		 uint64_t patience_ms, uint64_t now_ms)
{
	memset(a, 0, sizeof *a);
	a->count = count;
	a->wanted = wanted < 1 ? 1 : wanted < count ? wanted : count;
	a->strict = strict;
	a->patience_ms = patience_ms;
	a->began_ms = now_ms;
}

bool agree_contradicts(const struct agree *a, unsigned node, unsigned taken)
{
	return a->voices[node] == AGREE_SAID &&
	       !hash32_eq(&a->said[node], &a->said[taken]);
}

/* How many say what @node says. */
static unsigned with(const struct agree *a, unsigned node)
{
	unsigned n = 0;

	for (unsigned i = 0; i < a->count; i++)
		n += a->voices[i] == AGREE_SAID &&
		     hash32_eq(&a->said[i], &a->said[node]);
	return n;
}

void agree_hear(struct agree *a, unsigned node, enum agree_voice voice,
		const struct hash32 *said, uint64_t now_ms)
{
	a->voices[node] = voice;
	a->since_ms[node] = now_ms;
	if (said)
		a->said[node] = *said;
}

static bool is_patient(const struct agree *a, uint64_t since_ms,
		       uint64_t now_ms)
{
	return now_ms - since_ms < a->patience_ms;
}

/* Under way, and not for too long. */
static bool is_coming(const struct agree *a, unsigned i, uint64_t now_ms)
{
	return a->voices[i] == AGREE_ASKED &&
	       is_patient(a, a->since_ms[i], now_ms);
}

static bool can_ask(const struct agree *a, unsigned i, uint64_t now_ms)
{
	switch (a->voices[i]) {
	case AGREE_UNASKED:
		return true;
	case AGREE_LACKS:
	case AGREE_FAILED:
		return (a->strict || is_patient(a, a->began_ms, now_ms)) &&
		       now_ms - a->since_ms[i] >= AGREE_AGAIN_MS;
	case AGREE_ASKED:
	case AGREE_SAID:
		break;
	}
	return false;
}

/* Of the nodes in @set, one to ask; @a->count if there is none. */
static unsigned next_of(const struct agree *a, unsigned set, unsigned first,
			uint64_t now_ms)
{
	for (unsigned k = 0; k < a->count; k++) {
		unsigned i = (first + k) % a->count;

		if (set >> i & 1 && can_ask(a, i, now_ms))
			return i;
	}
	return a->count;
}

/* Whether a node of @promising may yet have something to say. */
static bool is_worth_waiting(const struct agree *a, unsigned promising,
			     uint64_t now_ms)
{
	for (unsigned i = 0; i < a->count; i++) {
		if (!(promising >> i & 1) || a->voices[i] == AGREE_SAID)
			continue;
		if (a->voices[i] == AGREE_ASKED
			    ? is_coming(a, i, now_ms)
			    : is_patient(a, a->began_ms, now_ms))
			return true;
	}
	return false;
}

/* The node whose word has the most voices; @a->count: nobody said anything. */
static unsigned leader(const struct agree *a)
{
	unsigned best = a->count, most = 0;

	for (unsigned i = 0; i < a->count; i++)
		if (a->voices[i] == AGREE_SAID && with(a, i) > most) {
			best = i;
			most = with(a, i);
		}
	return best;
}

enum agree_verdict agree_decide(const struct agree *a, unsigned fit,
				unsigned promising, unsigned first,
				uint64_t now_ms, unsigned *node)
{
	unsigned next = next_of(a, fit & promising, first, now_ms);
	unsigned best = leader(a), voices = best < a->count ? with(a, best) : 0;
	unsigned said = 0, coming = 0, asked = 0, lack = 0;
	bool split;

	for (unsigned i = 0; i < a->count; i++) {
		said += a->voices[i] == AGREE_SAID;
		asked += a->voices[i] == AGREE_ASKED;
		coming += is_coming(a, i, now_ms);
		lack += a->voices[i] == AGREE_LACKS && promising >> i & 1;
	}
	split = said > voices;
	if (next == a->count)
		next = next_of(a, fit, first, now_ms);
	*node = best;
	if (voices >= a->wanted && !split)
		return AGREE_TAKE;
	if (next < a->count && (split || said + coming < a->wanted)) {
		*node = next;
		return AGREE_ASK;
	}
	if (!said)
		return asked ? AGREE_WAIT : AGREE_NONE;
	if (is_worth_waiting(a, promising, now_ms))
		return AGREE_WAIT;
	if (split)
		return voices >= a->wanted && 2 * voices > said ? AGREE_TAKE
								: AGREE_SPLIT;
	if (lack >= a->wanted)
		return AGREE_NONE;
	return a->strict ? AGREE_WAIT : AGREE_ALONE;
}
