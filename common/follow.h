/* follow - every entry of a log, once, in order, as soon as it is there.
 *
 * Reads the log from a number on, then listens to the doorbells; a gap, or
 * silence for half a second, sends it back to the log. Lost, doubled, late
 * and restarted are all the same case. */
#ifndef COMMON_FOLLOW_H
#define COMMON_FOLLOW_H

#include <stdbool.h>

#include "common/bus.h"
#include "common/loop.h"
#include "common/quarantine.h"
#include "common/store.h"

struct follow;

/* One entry. After an ERR_CLASS_RETRY error it is given again in a while, and
 * nothing that comes after it before that. With ERR_MALFORMED the entry has
 * changed nothing: it is kept in the reader's quarantine, once the log itself
 * has it so, and passed over. Any other but ERR_NONE is handed to failed() and
 * ends the following. */
typedef enum err follow_fn(void *arg, const struct entry *entry);

struct follow_handlers {
	follow_fn *entry;
	void (*caught_up)(void *arg); /* nothing more is there just now */
	void (*failed)(void *arg, enum err e); /* following has ended */
	void *arg;
};

struct follow_source {
	struct follow **all; /* a list that it is in while it lives; or NULL */
	struct loop *loop;
	struct store *store; /* of this thread */
	const struct bus_config *bus;
	const char *log;    /* a name in links.def */
	const char *reader; /* the service; its quarantine */
	struct quarantine_limits quarantine;
	uint64_t epoch;
};

/* Give entries from number @from on. Borrows what @source and @handlers point
 * at while it lives. */
NODISCARD enum err follow_new(struct follow **out,
			      const struct follow_source *source, uint64_t from,
			      const struct follow_handlers *handlers);
void follow_free(struct follow **follow);

/* Number of the newest entry that was given; 0 if none. */
uint64_t follow_given(const struct follow *follow);

/* Whether everything that is known to be in the log has been given, and the
 * doorbells are heard. */
bool follow_is_live(const struct follow *follow);

/* The log that it follows, and the next one of source->all. */
const char *follow_log(const struct follow *follow);
struct follow *follow_next(const struct follow *follow);

/* When its writer was heard last, or when following began: metric_now_us(). */
uint64_t follow_heard_us(const struct follow *follow);

/* The keys of the bus are others. Later, if memory runs out. */
void follow_renew(struct follow *follow);

/* Who writes @log; NULL if there is no such log. */
const char *follow_writer(const char *log);

#endif /* COMMON_FOLLOW_H */
