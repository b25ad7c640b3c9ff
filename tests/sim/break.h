/* break - the code broken on purpose, one way at a time: each must be noticed
 * (sim_test.sh runs them all). Faults of cores are put in by link-time
 * wrapping (break.c), those of the shell in the simulated store. */
#ifndef TESTS_SIM_BREAK_H
#define TESTS_SIM_BREAK_H

/* BREAK(NAME, "name", what is broken) */
#define BREAKS                                                                 \
	BREAK(UNDO, "undo", "the matcher ignores a roll-back of the book")     \
	BREAK(WATCH_UNDO, "watch-undo", "so does the slasher, of the chain")   \
	BREAK(FENCE, "fence", "appends don't look at the lease")               \
	BREAK(NONCE, "nonce", "a nonce is signed again for another payload")   \
	BREAK(CURSOR, "cursor",                                                \
	      "a snapshot claims one entry more than it has")                  \
	BREAK(JOURNAL, "journal", "journals are never written to disk")        \
	BREAK(EARLY, "early", "tasks are overdue before their deadline")       \
	BREAK(HALF, "half", "half a block that a crash left isn't dropped")    \
	BREAK(RESEND, "resend", "what a re-organisation drops isn't sent again")

enum breakage {
	BREAK_NOTHING,
#define BREAK(name, text, meaning) BREAK_##name,
	BREAKS
#undef BREAK
};

extern enum breakage broken;

/* "undo" and so on; false: there is none of that name. */
int break_by_name(const char *name);
void break_list(void);

#endif /* TESTS_SIM_BREAK_H */
