/* frame - what every program that runs as a service has in common.
 *
 * Options, log lines, signals, the loop, the admin port, the lock on the state
 * folder; for the services of the market also the store, the epoch of the
 * logs, the lease, the service's own log and its heartbeat. A service fills a
 * struct service and calls service_main(). */
#ifndef COMMON_FRAME_H
#define COMMON_FRAME_H

#include "common/admin.h"
#include "common/alarm.h"
#include "common/bus.h"
#include "common/conf.h"
#include "common/follow.h"
#include "common/loop.h"
#include "common/quarantine.h"
#include "common/store.h"
#include "common/writer.h"

/* Exit statuses, the same for every program. */
enum {
	EXIT_OK = 0,	  /* stopped because it was asked to */
	EXIT_STOPPED = 1, /* something ended it; the last log line says what */
	EXIT_CONFIG = 2,  /* it can't run like this: mend the options */
	EXIT_HALTED = 3,  /* a person has to decide: see the last log line;
			   * starting it again changes nothing */
};

/* Options of every service; their rows are in common/frame.def and
 * common/market.def. */
struct frame_options {
#define OPT(kind, name, fallback, unit, meaning) CONF_TYPE_##kind name;
#include "common/frame.def"
};

struct market_options {
#define OPT(kind, name, fallback, unit, meaning) CONF_TYPE_##kind name;
#include "common/market.def"
};

struct frame {
	const struct service *service;
	void *self;
	struct frame_options options;
	struct market_options market; /* zero without service->market */
	struct loop *loop;
	struct admin *admin;
	struct store *store; /* NULL without service->market */
	struct bus_config bus_config;
	struct bus_out *bus;   /* NULL unless the service writes a log */
	uint64_t epoch;	       /* of the logs */
	uint64_t token;	       /* of our lease */
	struct writer *writer; /* our own log; NULL until it is opened */

	/* the frame's own */
	int lock;
	unsigned phase;
	bool running; /* all phases are behind it */
	enum err fatal, last_error;
	uint64_t started_us, complained_us;
	bool ready;
	const char *why;
	struct loop_timer *phases, *beats, *chores, *retry;
	uint64_t chores_us, status_us; /* when they were done last */
	uint64_t keys_us;	       /* when the bus' keys were read */
	bool unbound;		       /* the bus isn't bound again yet */
	bool started;		       /* start() was called, stop() was not */
	bool reloading;		       /* the loop is left to begin again */
	bool yielding;	    /* … and another copy may do better meanwhile */
	const char *newer;  /* log that we can't read, when we looked last */
	int unwritable;	    /* errno of our folder when we looked last; or 0 */
	uint64_t log_first; /* number of our log's first entry */
	uint64_t over;	    /* an epoch that we know has to end; 0: none */
	uint64_t trimmed;   /* our log's end when we looked last */

	/* frame_watch.c's own */
	struct follow *follows; /* all that the service has */
	uint64_t watched_us;
	uint64_t clock_us; /* when the clock was looked at */
	uint64_t retries, quarantined;
	uint64_t rolled_back, rolled_back_at; /* blocks; unix seconds */
	char leader[STORE_INSTANCE_ROOM];
	struct buf alarms;
};

/* Pairs of name and value that a process publishes about itself. */
struct status {
	const char *texts[STORE_STATUS_MAX]; /* name, value, name, value … */
	size_t count;
	char numbers[40][24];
	size_t numbers_count;
};

/* Add a pair; texts are borrowed until the status is published. What is too
 * much is left out. */
void status_text(struct status *s, const char *name, const char *value);
void status_number(struct status *s, const char *name, uint64_t value);

struct service {
	const char *name;		/* the folder in services/ */
	const char *summary;		/* one sentence, for --help */
	const struct conf_row *options; /* filled into the member of @self at */
	size_t options_offset;		/* this offset before start() */

	bool market;	    /* uses the store and the bus */
	const char *writes; /* its own log, by its name in links.def, or NULL;
			     * only the holder of the lease gets to start() */
	bool journalled;    /* its log is a copy of its journal, and whole */
	bool keeps;	    /* a journal in its folder: without room it waits */
	bool opens_epoch;   /* begins the first life of the logs */
	bool comes_second;  /* a block wakes everybody at once: those who make
			     * matches go first */

	/* Check the options and read the files that they name, before anything
	 * else is there; what is wrong has been logged. May be NULL. */
	enum err (*prepare)(void *self);
	/* Begin the work: everything that the frame provides is there. After an
	 * ERR_CLASS_RETRY error stop() is called, then start() again. */
	enum err (*start)(struct frame *frame, void *self);
	/* Once a second: what `kalypso status` shows of it. May be NULL. */
	void (*status)(void *self, struct status *out);
	/* About once a second: look at what should move, see frame_alarm().
	 * May be NULL. */
	void (*watch)(void *self);
	/* Release what start() built, also if it didn't come to its end:
	 * start() may follow. The loop has ended. If the service is to begin
	 * again, what it knows is worth nothing: frame->reloading. */
	void (*stop)(void *self);
};

/* Run @service until SIGTERM, SIGINT or an ERR_CLASS_STOP error. After an
 * ERR_CLASS_RELOAD error it begins again within the process. Borrows both.
 * Returns the process's exit status. */
int service_main(const struct service *service, void *self, int argc,
		 char **argv);

/* Open our own log; the first entry put will be number @after + 1. To be
 * called from start(). See writer_new(). */
NODISCARD enum err frame_open_log(struct frame *frame, uint64_t after);

/* What follow_new() needs to read @log. */
struct follow_source frame_source(struct frame *frame, const char *log);

/* alarm_look(), and tell of an episode's begin and end: @where is key=value
 * pairs for the log line, "" for none. @a was registered in start(). */
void frame_alarm(struct alarm *a, const struct alarm_look *look,
		 const char *where);

/* The chain changed its mind from block @from back to block @to. While the
 * service isn't ready it isn't noted: it reads then what was long ago. */
void frame_rolled_back(struct frame *frame, uint64_t from, uint64_t to);

/* How much of what can't be read is kept. */
struct quarantine_limits frame_quarantine(const struct frame *frame);

/* An error ends here, by its class: RETRY and REJECT are logged and counted,
 * RELOAD and STOP leave the loop. @what is a dotted constant. False if the
 * loop was left. */
bool frame_settle(struct frame *frame, const char *what, enum err e);

/* Leave the loop because of @e: to begin again if it is ERR_CLASS_RELOAD, else
 * for good, whatever its class. ERR_BEHIND also ends the life of the logs. */
void frame_stop(struct frame *frame, const char *what, enum err e);

/* The life of the logs has to end: frame_stop() will see to it. */
void frame_end_epoch(struct frame *frame);

/* Append what waits in our own log, with frame_settle() on failure: after
 * ERR_UNREACHABLE it is tried again by itself. */
void frame_flush(struct frame *frame);

/* Who writes our log, for the store. */
struct store_writer frame_writer(const struct frame *frame);

/* The same without waiting for it, as writer_push() does. */
void frame_push(struct frame *frame);

/* This service's own folder. Returns @out. */
enum { FRAME_PATH_ROOM = 512 };
const char *frame_folder(const struct frame *frame, char out[FRAME_PATH_ROOM]);

/* The key that the secret option @name holds: hex digits, or the text of a v3
 * keystore under @password. ERR_CONFIG: it is neither; it was logged. */
struct secret_key;
NODISCARD enum err frame_key(struct secret_key **out, const char *name,
			     const char *text, const char *password);

/* Shown by /readyz and in the status. @why is a constant. */
void frame_set_ready(struct frame *frame, bool ready, const char *why);

#endif /* COMMON_FRAME_H */
