/* A step up, a half down. */
#include "common/span.h"

static unsigned smaller(uint64_t a, uint64_t b)
{
	return (unsigned)(a < b ? a : b);
}

void span_init(struct span *s, unsigned max)
{
	*s = (struct span){
		.blocks = smaller(SPAN_STEP, max), .max = max, .limit = max};
}

static void clamp(struct span *s)
{
	s->blocks = smaller(s->blocks, s->limit);
	if (s->blocks < 1)
		s->blocks = 1;
}

void span_given(struct span *s, uint64_t blocks, size_t logs)
{
	if (s->limit < s->max && ++s->given >= SPAN_TRUST) {
		s->limit = smaller(2 * (uint64_t)s->limit, s->max);
		s->given = 0;
	}
	if (logs > SPAN_LOGS_WANTED)
		s->blocks = (unsigned)(blocks * SPAN_LOGS_WANTED / logs);
	else if (logs < SPAN_LOGS_WANTED / 2 && blocks == s->blocks)
		s->blocks += SPAN_STEP;
	clamp(s);
}

void span_refused(struct span *s, uint64_t blocks, uint64_t most)
{
	uint64_t less = blocks / 2;

	if (most && most < blocks)
		less = most;
	s->limit = smaller(less ? less : 1, s->limit);
	s->given = 0;
	clamp(s);
}
