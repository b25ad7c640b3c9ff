/* audit - what the files of `kalypso audit` share: what was asked for, what
 * takes part, what was found. */
#ifndef SERVICES_KALYPSO_AUDIT_H
#define SERVICES_KALYPSO_AUDIT_H

#include "services/kalypso/rederive.h"
#include "services/kalypso/session.h"

struct audit_options {
	const char *from, *keep;
	struct cli_texts with;
	bool live, canonical;
	struct cli_number until, depth;
	struct cli_number lifetime, task_limit, spread_members, cooling_max;
};

enum { AUDIT_SOURCES_MAX = CLI_TEXTS_MAX + 2 };

/* A file that takes part, and what it is called. */
struct audit_source {
	const char *name; /* its path, or where it came from */
	struct logfile file;
	struct logfile_writer *writer; /* of one that was made here */
	bool named; /* somebody gave it to us: its SHA-256 is checked */
};

struct audit {
	struct cli *cli;
	const struct audit_options *options;
	/* The chain log's comes first. */
	struct audit_source sources[AUDIT_SOURCES_MAX];
	unsigned count;
	const struct audit_source *given[REDERIVE_LOGS]; /* NULL: none */
	struct rederive_config config;
	struct rederive rederive;
};

/* audit_source.c: open what was asked for, decide what is compared with what,
 * and by which rule. */
NODISCARD enum cli_exit audit_open(struct audit *a);
void audit_close(struct audit *a);

/* audit_say.c: what was found. CLI_FAILED, told: something is wrong. */
NODISCARD enum cli_exit audit_say(struct audit *a);

#endif /* SERVICES_KALYPSO_AUDIT_H */
