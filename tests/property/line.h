/* line - a history through both cores with the oracle beside them: every match
 * is compared as it is made. */
#ifndef TESTS_PROPERTY_LINE_H
#define TESTS_PROPERTY_LINE_H

#include "services/matcher/match.h"
#include "services/orderbook/book.h"
#include "tests/property/history.h"

struct line;

/* The rule that lines use: small limits, so that they are met. */
extern const struct match_rule line_rule;

struct line *line_new(const struct history_source *source);
void line_free(struct line *l);

/* One block more, or a roll-back. Ends the process with LINE_WRONG, having said
 * what is wrong at which step, when a match differs or a core fails. */
enum { LINE_WRONG = 9 };
void line_step(struct line *l);

/* A fresh core that reads the canonical book log alone is in the same state. */
void line_check_replay(struct line *l);

/* Saved and loaded, both cores are what they were, and go on from there. */
void line_check_snapshot(struct line *l);

/* Print every entry of the chain log and every match from now on. */
void line_show(struct line *l);

const struct history *line_history(const struct line *l);
uint64_t line_matches(const struct line *l);

#endif /* TESTS_PROPERTY_LINE_H */
