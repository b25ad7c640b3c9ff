/* Core functions that can be made to do the wrong thing. */
#include "tests/sim/break.h"

#include <stdio.h>
#include <string.h>

#include "common/outbox.h"
#include "common/tx.h"
#include "services/chain-indexer/index.h"
#include "services/matcher/match.h"
#include "services/orderbook/book.h"
#include "services/slasher-watcher/verdict.h"
#include "services/slasher-watcher/watch.h"

enum { EARLY_S = 15 };

enum breakage broken = BREAK_NOTHING;

static const struct {
	const char *name, *meaning;
} rows[] = {{"nothing", ""},
#define BREAK(name, text, meaning) {text, meaning},
	    BREAKS
#undef BREAK
};

int break_by_name(const char *name)
{
	for (size_t i = 1; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].name, name) == 0) {
			broken = (enum breakage)i;
			return 1;
		}
	return 0;
}

void break_list(void)
{
	for (size_t i = 1; i < sizeof rows / sizeof rows[0]; i++)
		printf("%s %s\n", rows[i].name, rows[i].meaning);
}

#define WRAP(result, name, ...)                                                \
	result __real_##name(__VA_ARGS__);                                     \
	result __wrap_##name(__VA_ARGS__);                                     \
	result __wrap_##name(__VA_ARGS__)

WRAP(enum err, match_on_book_rolled_back, struct match *m, struct sink *out,
     const struct msg_book_rolled_back *back)
{
	if (broken == BREAK_UNDO)
		return ERR_NONE;
	return __real_match_on_book_rolled_back(m, out, back);
}

WRAP(enum err, watch_on_rollback, struct watch *w, struct sink *out,
     const struct msg_rollback *back)
{
	if (broken == BREAK_WATCH_UNDO)
		return ERR_NONE;
	return __real_watch_on_rollback(w, out, back);
}

WRAP(enum err, watch_on_block_mark, struct watch *w, struct sink *out,
     const struct msg_block_mark *mark)
{
	struct msg_block_mark later = *mark;

	if (broken == BREAK_EARLY)
		later.block.time.v += EARLY_S;
	return __real_watch_on_block_mark(w, out, &later);
}

/* Who looks twice has to be fooled twice. */
WRAP(enum err, verdict_ask, struct verdict_asker *a,
     const struct verdict_question *question, verdict_done *done, void *arg)
{
	struct verdict_question later = *question;

	if (broken == BREAK_EARLY)
		later.at.time.v += EARLY_S;
	return __real_verdict_ask(a, &later, done, arg);
}

WRAP(enum err, index_drop_half, struct index *index, struct sink *out)
{
	return broken == BREAK_HALF ? ERR_NONE
				    : __real_index_drop_half(index, out);
}

WRAP(enum err, outbox_roll_back, struct outbox *o, struct sink *out,
     uint64_t number)
{
	return broken == BREAK_RESEND ? ERR_NONE
				      : __real_outbox_roll_back(o, out, number);
}

WRAP(enum err, tx_sign, struct buf *raw, struct hash32 *hash,
     const struct tx *tx, const struct secret_key *key)
{
	struct tx again = *tx;

	if (broken == BREAK_NONCE && again.nonce % 8 == 7)
		again.nonce--;
	return __real_tx_sign(raw, hash, &again, key);
}
