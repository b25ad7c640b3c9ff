/* Whether what a sender has is mined. */
#include <inttypes.h>
#include <stdio.h>

#include "common/sender.h"

static struct alarm journal_stuck =
	ALARM("journal_stuck",
	      "transactions wait and none is mined: the account has no ether, "
	      "its fee cap is below the market, or the nodes of --rpc drop "
	      "them; look for tx.poor and tx.refused, raise --fee-cap");

void sender_watch_register(void)
{
	alarm_register(&journal_stuck);
}

void sender_watch(const struct sender *s, uint64_t block, uint64_t limit)
{
	struct outbox_sizes sizes = sender_sizes(s);
	char where[96];
	struct alarm_look look = {.due = sizes.planned + sizes.in_flight > 0,
				  /* The nonce up to which all are mined. */
				  .done = sizes.next_nonce - sizes.in_flight,
				  .now = block,
				  .limit = limit};

	snprintf(where, sizeof where,
		 "planned=%" PRIu64 " in_flight=%" PRIu64 " nonce=%" PRIu64,
		 sizes.planned, sizes.in_flight, look.done);
	frame_alarm(&journal_stuck, &look, where);
}
