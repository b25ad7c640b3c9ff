/* Plain rows and a few rules. */
#include "common/providers.h"

#include <assert.h>
#include <string.h>

enum {
	REST_MIN_MS = 100,
	EXCLUDED_REST_MS = 10000,
	LATENCY_WEIGHT = 8,	   /* of the past against one more answer */
	LATENCY_MARGIN_US = 20000, /* no change of nodes for less */
	BEHIND = 2,
	DOUBTED = 1,
	WORST = 3,
};

/* Steele, Lea, Flood: splitmix64. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void providers_init(struct providers *p, unsigned count, uint64_t seed)
{
	assert(count >= 1 && count <= PROVIDERS_MAX);
	memset(p, 0, sizeof *p);
	p->count = count;
	p->random = seed;
}

void providers_must_prove(struct providers *p)
{
	p->must_prove = true;
}

bool providers_answered(struct providers *p, unsigned i, uint64_t now_ms,
			uint64_t latency_us)
{
	struct provider *n = &p->list[i];
	bool calm = n->troubled && now_ms - n->failed_ms >= PROVIDERS_CALM_MS;

	if (!latency_us)
		latency_us = 1;
	n->latency_us =
		n->latency_us
			? (n->latency_us * (LATENCY_WEIGHT - 1) + latency_us) /
				  LATENCY_WEIGHT
			: latency_us;
	if (p->must_prove && !n->proven)
		return false;
	n->failures = 0;
	n->troubled &= !calm;
	return calm;
}

static uint64_t rest_of(struct providers *p, const struct provider *n)
{
	unsigned doublings = n->failures < 6 ? n->failures - 1 : 5;
	uint64_t ms = (uint64_t)REST_MIN_MS << doublings;

	if (ms > PROVIDERS_REST_MAX_MS)
		ms = PROVIDERS_REST_MAX_MS;
	return ms * 3 / 4 + next_random(&p->random) % (ms / 2 + 1);
}

bool providers_failed(struct providers *p, unsigned i, uint64_t now_ms,
		      uint64_t sent_ms, enum provider_fault fault,
		      uint64_t rest_ms)
{
	struct provider *n = &p->list[i];
	bool begins;
	uint64_t rest;

	if (fault == PROVIDER_CONTRADICTED) {
		begins = n->doubt_until_ms <= now_ms;
		n->doubt_until_ms = now_ms + PROVIDERS_DOUBT_MS;
		return begins;
	}
	if (fault == PROVIDER_LATE) {
		begins = n->late_until_ms <= now_ms;
		n->late_until_ms = now_ms + PROVIDERS_LATE_MS;
		return begins;
	}
	if (fault == PROVIDER_OTHER_CHAIN) {
		begins = !n->excluded;
		n->excluded = true;
		n->proven = false;
		n->head = n->finalized = 0;
		n->rest_until_ms = now_ms + EXCLUDED_REST_MS;
		return begins;
	}
	begins = !n->troubled;
	n->troubled = true;
	if (n->failures == 0)
		n->failing_ms = now_ms;
	if (rest_ms > PROVIDERS_ASKED_MAX_MS)
		rest_ms = PROVIDERS_ASKED_MAX_MS;
	if (n->failures == 0 || sent_ms > n->failed_ms) {
		n->failures++;
		n->failed_ms = now_ms;
		rest = rest_of(p, n);
		if (rest_ms) /* not all who were told so come back at once */
			rest = rest_ms + rest / 4;
		n->rest_until_ms = now_ms + rest;
	}
	/* Who says that it is busy is who it was. */
	if (fault != PROVIDER_LIMITED)
		n->proven = false;
	return begins;
}

bool providers_proven(struct providers *p, unsigned i)
{
	struct provider *n = &p->list[i];
	bool was = n->excluded;

	n->excluded = false;
	n->proven = true;
	n->failures = 0;
	return was;
}

void providers_head(struct providers *p, unsigned i, uint64_t number)
{
	p->list[i].head = number;
}

void providers_finalized(struct providers *p, unsigned i, uint64_t number)
{
	p->list[i].finalized = number;
}

uint64_t providers_final(const struct providers *p, unsigned wanted)
{
	uint64_t best = 0;

	if (wanted > p->count)
		wanted = p->count;
	for (unsigned i = 0; i < p->count; i++) {
		unsigned at_least = 0;

		for (unsigned k = 0; k < p->count; k++)
			at_least +=
				p->list[k].finalized >= p->list[i].finalized;
		if (at_least >= wanted && p->list[i].finalized > best)
			best = p->list[i].finalized;
	}
	return best;
}

void providers_prove_again(struct providers *p)
{
	for (unsigned i = 0; i < p->count; i++)
		p->list[i].proven = false;
}

bool providers_trusted(const struct providers *p, unsigned i)
{
	const struct provider *n = &p->list[i];

	return !n->excluded && (n->proven || !p->must_prove);
}

bool providers_fit(const struct providers *p, unsigned i, uint64_t now_ms)
{
	return providers_trusted(p, i) && p->list[i].rest_until_ms <= now_ms;
}

static bool answers(const struct provider *n, uint64_t now_ms)
{
	return !n->excluded &&
	       (!n->failures || now_ms - n->failing_ms < PROVIDERS_HOPE_MS);
}

bool providers_answer(const struct providers *p, uint64_t now_ms)
{
	for (unsigned i = 0; i < p->count; i++)
		if (answers(&p->list[i], now_ms))
			return true;
	return false;
}

bool providers_promising(const struct providers *p, unsigned i, uint64_t now_ms)
{
	const struct provider *n = &p->list[i];

	return answers(n, now_ms) && n->late_until_ms <= now_ms &&
	       !providers_lags(p, i);
}

bool providers_to_prove(const struct providers *p, unsigned i, uint64_t now_ms)
{
	const struct provider *n = &p->list[i];

	return p->must_prove && !n->proven && n->rest_until_ms <= now_ms;
}

uint64_t providers_height(const struct providers *p)
{
	uint64_t first = 0, second = 0;
	unsigned known = 0;

	for (unsigned i = 0; i < p->count; i++) {
		uint64_t head = p->list[i].excluded ? 0 : p->list[i].head;

		known += head > 0;
		if (head > first) {
			second = first;
			first = head;
		} else if (head > second) {
			second = head;
		}
	}
	return known > 2 ? second : first;
}

bool providers_lags(const struct providers *p, unsigned i)
{
	return p->list[i].head &&
	       p->list[i].head + PROVIDERS_LAG_MAX < providers_height(p);
}

bool providers_doubted(const struct providers *p, unsigned i, uint64_t now_ms)
{
	return p->list[i].doubt_until_ms > now_ms;
}

static unsigned rank_of(const struct providers *p, unsigned i, uint64_t now_ms)
{
	if (providers_lags(p, i) || p->list[i].late_until_ms > now_ms)
		return BEHIND;
	return providers_doubted(p, i, now_ms) ? DOUBTED : 0;
}

static bool is_far_faster(const struct provider *a, const struct provider *b)
{
	return a->latency_us && 2 * a->latency_us < b->latency_us &&
	       b->latency_us - a->latency_us > LATENCY_MARGIN_US;
}

int providers_choose(struct providers *p, uint64_t now_ms, unsigned but)
{
	unsigned best_rank = WORST;
	int best = -1;

	for (unsigned k = 0; k < p->count; k++) {
		unsigned i = (p->current + k) % p->count;
		unsigned rank = rank_of(p, i, now_ms);

		if (but >> i & 1 || !providers_fit(p, i, now_ms))
			continue;
		if (rank < best_rank ||
		    (rank == best_rank &&
		     is_far_faster(&p->list[i], &p->list[best]))) {
			best = (int)i;
			best_rank = rank;
		}
	}
	if (best >= 0 && !but)
		p->current = (unsigned)best;
	return best;
}
