/* feed - one client of the websocket feed: what it asked for, what it has got.
 *
 * protocol/http/feed.asyncapi.yaml has every message, docs/feed.md is the
 * guide. A client subscribes to channels:
 *
 *	client	{"op":"subscribe","id":1,"epoch":"…","channels":[
 *		 {"name":"book","market":"1","from":812},{"name":"blocks"}]}
 *	server	{"op":"subscribed","id":1,"epoch":"…","subs":[{"sub":1,…},…]}
 *		{"op":"snapshot","sub":2,"reason":"first",…}
 *		{"op":"change","sub":1,"prev":812,"last":true,
 *		 "confirmation":"latest",…}
 *		{"op":"rollback",…}, {"op":"checksum",…}
 *		{"op":"heartbeat","logs":{"book":814},"final":"1530"}
 *		{"op":"lagging",…}, {"op":"error",…}
 *
 * or to the logs themselves, entry by entry, as they come:
 *
 *	client	{"op":"subscribe","id":1,"epoch":"…","logs":["book"],
 *		 "from":{"book":812}}
 *	server	{"op":"subscribed","id":1,"epoch":"…",
 *		 "logs":{"book":{"next":813}}}
 *		{"log":"book","seq":813,"entry":{"type":"request_opened",…}}
 *
 * A client is a few numbers: the next entry of each log or subscription. While
 * that is in the window (tail.h) it is sent from there. Of logs, what is older
 * is read from Redis; of channels, it is made good by a snapshot.
 *
 *	in step ──► behind ──► conflated ──► closed (4008)
 *	    ▲──────────┘            │
 *	    └───────────────────────┘
 *
 * A client of channels that takes nothing for `patience`, or that the window
 * leaves behind, is told that it is lagging and gets snapshots in place of
 * changes, once; a client of logs is closed. Others notice nothing.
 *
 * No I/O, no clock. */
#ifndef SERVICES_WEBHOOK_GATEWAY_FEED_H
#define SERVICES_WEBHOOK_GATEWAY_FEED_H

#include "services/webhook-gateway/press.h"

/* Close codes of our own (RFC 6455 leaves 4000 to 4999 to applications). */
enum feed_close {
	FEED_OPEN = 0,
	FEED_BAD = 4000,     /* what it said isn't of this protocol */
	FEED_SILENT = 4001,  /* it never subscribed */
	FEED_STORM = 4002,   /* it says too much */
	FEED_LAGGING = 4008, /* it can't keep up */
	FEED_EPOCH = 4009,   /* its numbers are of another life of the logs */
	FEED_TRIMMED = 4010, /* the log doesn't begin there any more */
};

enum {
	FEED_MESSAGE_MAX = 4096,   /* bytes that a client may say at once */
	FEED_SUBS_MAX = 16,	   /* subscriptions of a connection */
	FEED_SAID_MAX = 40,	   /* messages at once … */
	FEED_SAID_PER_S = 4,	   /* … and that are forgotten each second */
	FEED_CHECKSUM_EVERY = 100, /* changes of a book */
};

/* Why a subscription gets a snapshot. */
enum feed_reason {
	FEED_NONE,	/* it needs none */
	FEED_FIRST,	/* it said no number to go on from */
	FEED_OLD_EPOCH, /* its number is of another life of the logs */
	FEED_WINDOW,	/* what it missed is not all in the window */
	FEED_AHEAD,	/* its number is far beyond the log's end */
	FEED_ROLLBACK,
	FEED_BEHIND, /* it was lagging */
};

struct feed_sub {
	unsigned number; /* that the client knows it by */
	struct filter filter;
	uint64_t next, prev;
	enum feed_reason reason; /* of the snapshot that is due */
	bool tell_lagging;	 /* before it */
	unsigned changes;	 /* since the last checksum */
};

struct feed {
	enum form form;
	/* of logs */
	bool subscribed;
	unsigned logs; /* a bit for each that it wants */
	uint64_t next[LOGS_COUNT];
	unsigned reached;   /* a bit for each whose window it has been in */
	uint64_t behind_us; /* since when it is behind one, or takes nothing; 0:
			       it isn't, or does */
	/* of channels */
	struct feed_sub *subs;
	unsigned subs_count, subs_last; /* the newest number given */
	struct print *print;		/* that is being sent; NULL: none */
	size_t print_at;		/* how far */
	bool moved;	/* it took something since the last watch */
	bool conflated; /* and was not in step since */
	bool hopeless;	/* conflated, and left behind again */

	unsigned conflations; /* that nobody has counted yet */
	unsigned said;	      /* messages, less those forgotten */
	bool beat;	      /* a heartbeat is due */
	enum feed_close close;
	struct buf answer; /* to be sent before anything else; TAIL_HEADROOM
			      bytes in front, unless it is empty */
};

/* What all clients have in common. */
struct feed_world {
	struct tail *tail;
	const struct view *view;
	struct press *press;
	uint64_t epoch;
	unsigned depth; /* blocks that a roll-back may take back */
};

/* A client begins as {0}. */
void feed_free(struct feed *f, const struct feed_world *w);

/* The client says @text, JSON. What it is answered, and the close code if that
 * is its end, are in *f then. To be called only when f->answer is empty. */
void feed_hear(struct feed *f, const struct feed_world *w, const char *text,
	       size_t size);

/* Close it with @code once it has been told @why. */
void feed_end(struct feed *f, enum feed_close code, const char *why);

/* Whether it has subscribed to something. */
static inline bool feed_is_on(const struct feed *f)
{
	return f->subscribed || f->subs_count;
}

/* Look at where it is, at @now_us, once a second: it ends as lagging if it has
 * been behind a window that it had reached, or taken nothing, for longer than
 * @patience_us. */
void feed_watch(struct feed *f, const struct feed_world *w, uint64_t now_us,
		uint64_t patience_us);

/* Append a heartbeat to @out. To be sent when nothing else is due: up to the
 * numbers in it the client has everything. */
void feed_heartbeat(const struct feed *f, const struct feed_world *w,
		    struct buf *out);

/* ---- logs --------------------------------------------------------------- */

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

/* ---- channels ----------------------------------------------------------- */

enum feed_piece {
	FEED_NOTHING,
	FEED_TEXT, /* *out is to be sent: shared, and TAIL_HEADROOM bytes before
		      what is shared may be written to */
	FEED_SAID, /* f->answer is to be sent */
	FEED_PRINT,  /* f->print is to be sent, from its beginning; *out is how
			that begins */
	FEED_FAILED, /* no memory for it */
};

/* What a client that has no print in its hands is to be sent next; it counts as
 * sent. *out is borrowed until the next call for any client. */
enum feed_piece feed_next(struct feed *f, const struct feed_world *w,
			  struct bytes *out);

/* Whether feed_next() would have something. */
bool feed_has_more(struct feed *f, const struct feed_world *w);

/* f->print was sent, or nobody wants it any more. */
void feed_drop_print(struct feed *f, const struct feed_world *w);

#endif /* SERVICES_WEBHOOK_GATEWAY_FEED_H */
