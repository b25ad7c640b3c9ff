/* metric - counters, gauges and histograms, read by Prometheus.
 *
 * A metric is a static variable; metric_register() makes it visible. Changing
 * one is an atomic add or store, from any thread. Names are singular subject,
 * past participle, unit: match_decided_total. */
#ifndef COMMON_METRIC_H
#define COMMON_METRIC_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/buf.h"

/* SECONDS: a counter of microseconds, shown in seconds. SPANS: a histogram for
 * what takes seconds to hours. REAL: a gauge that isn't a whole number. */
enum metric_kind {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_SECONDS,
	METRIC_HISTOGRAM,
	METRIC_SPANS,
	METRIC_REAL,
};

/* Upper bounds of the buckets, in microseconds; one more has no bound. */
#define METRIC_BOUNDS_US                                                       \
	{                                                                      \
		100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000,  \
			250000, 1000000, 10000000                              \
	}
#define METRIC_SPANS_US                                                        \
	{                                                                      \
		500000, 1000000, 2000000, 5000000, 10000000, 20000000,         \
			30000000, 60000000, 120000000, 300000000, 600000000,   \
			1800000000, 3600000000                                 \
	}
enum { METRIC_BOUNDS = 13 };

struct metric {
	const char *name, *help;
	enum metric_kind kind;
	const char *labels;    /* `node="x"`; NULL: none. Not of a histogram */
	_Atomic int64_t value; /* a histogram's sum, in microseconds; REAL: the
				* bits of a double */
	_Atomic uint64_t buckets[METRIC_BOUNDS + 1];
	struct metric *next;
};

#define METRIC(kind_, name_, help_)                                            \
	{                                                                      \
		.name = (name_), .help = (help_), .kind = METRIC_##kind_       \
	}

#define METRIC_LABELLED(kind_, name_, labels_, help_)                          \
	{                                                                      \
		.name = (name_), .help = (help_), .kind = METRIC_##kind_,      \
		.labels = (labels_)                                            \
	}

/* Show @m from now on; it must stay alive. Twice is once. Several may have one
 * name and different labels. */
void metric_register(struct metric *m);
/* Show it no longer; when this returns nobody reads it. */
void metric_forget(struct metric *m);

static inline void metric_add(struct metric *m, int64_t n)
{
	atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

static inline void metric_set(struct metric *m, int64_t v)
{
	atomic_store_explicit(&m->value, v, memory_order_relaxed);
}

static inline int64_t metric_value(struct metric *m)
{
	return atomic_load_explicit(&m->value, memory_order_relaxed);
}

/* Of a METRIC_REAL. */
void metric_set_real(struct metric *m, double v);

/* Count one event that took @us microseconds. Its name ends in _seconds. */
void metric_observe_us(struct metric *m, uint64_t us);

/* Every registered metric in the Prometheus text format 0.0.4. */
void metric_print(struct buf *out);

/* Microseconds of the monotonic clock, for metric_observe_us(). */
uint64_t metric_now_us(void);

#endif /* COMMON_METRIC_H */
