/* feed - one client of the websocket feed: what it asked for, what it has got.
 *
 *	client	{"op":"subscribe","id":1,"epoch":"…","logs":["book"],
 *		 "from":{"book":812}}
 *	server	{"op":"subscribed","id":1,"epoch":"…",
 *		 "logs":{"book":{"next":813}}}
 *		{"log":"book","seq":813,"entry":{"type":"request_opened",…}}
 *		{"op":"heartbeat","logs":{"book":814}}		every second
 *		{"op":"lagging",…}, {"op":"error",…}		and a close
 *
 * `from` holds, for each log, the newest number that the client has; what came
 * after it follows, then what comes, without a gap and none twice. Without it
 * a log begins with its next entry. `logs` left out: all. `epoch` left out:
 *any. Subscribing again begins anew.
 *
 * A client is five numbers: the next entry of each log. While that is in the
 * window (tail.h) it is sent from there, else it has to be read from Redis. A
 * client that the window leaves behind, and that doesn't catch up in time, is
 * told that it is lagging and closed; others notice nothing.
 *
 * No I/O, no clock. */
#ifndef SERVICES_WEBHOOK_GATEWAY_FEED_H
#define SERVICES_WEBHOOK_GATEWAY_FEED_H

#include "services/webhook-gateway/tail.h"

/* Close codes of our own (RFC 6455 leaves 4000 to 4999 to applications). */
enum feed_close {
	FEED_OPEN = 0,
	FEED_BAD = 4000,     /* what it said isn't of this protocol */
	FEED_SILENT = 4001,  /* it never subscribed */
	FEED_LAGGING = 4008, /* it can't keep up */
	FEED_EPOCH = 4009,   /* its numbers are of another life of the logs */
	FEED_TRIMMED = 4010, /* the log doesn't begin there any more */
};

enum { FEED_MESSAGE_MAX = 4096 }; /* bytes that a client may say at once */

struct feed {
	bool subscribed;
	unsigned logs; /* a bit for each that it wants */
	uint64_t next[LOGS_COUNT];
	unsigned reached;   /* a bit for each whose window it has been in */
	uint64_t behind_us; /* since when it is behind one; 0: it isn't */
	bool beat;	    /* a heartbeat is due */
	enum feed_close close;
	struct buf answer; /* to be sent before anything else; TAIL_HEADROOM
			      bytes in front, unless it is empty */
};

/* A client begins as {0}. */
void feed_free(struct feed *f);

/* The client says @text. What it is answered, and the close code if that is
 * its end, are in *f then. To be called only when f->answer is empty. */
void feed_hear(struct feed *f, const struct tail *t, uint64_t epoch,
	       const char *text, size_t size);

/* Close it with @code once it has been told @why. */
void feed_end(struct feed *f, enum feed_close code, const char *why);

/* The log whose next entry is to be sent from the window, LOGS_COUNT if there
 * is none: the one that came first. */
enum logs feed_due(const struct feed *f, const struct tail *t);

/* A log whose next entry is older than the window, LOGS_COUNT if there is
 * none. */
enum logs feed_missing(const struct feed *f, const struct tail *t);

/* Entry f->next of @log was sent. */
static inline void feed_sent(struct feed *f, enum logs log)
{
	f->next[log]++;
}

/* Look at where it is, at @now_us: it ends as lagging if it has been behind a
 * window that it had reached for longer than @patience_us. */
void feed_watch(struct feed *f, const struct tail *t, uint64_t now_us,
		uint64_t patience_us);

/* Append a heartbeat for its logs to @out. */
void feed_heartbeat(const struct feed *f, const struct tail *t,
		    struct buf *out);

#endif /* SERVICES_WEBHOOK_GATEWAY_FEED_H */
