/* What the frame does now and then, in every service: it holds the lease, looks
 * whether the logs still live, trims its own, and publishes its status. */
#include "common/frame_chores.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/frame_watch.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/version.h"

enum {
	STATUS_TTL_MS = 5000,
	STATUS_EVERY_US = 900000,
	KEYS_EVERY_US = 2 * 1000 * 1000,
	CHORES_MS = 400,
};

static struct metric store_trips = METRIC(COUNTER, "store_unreachable_total",
					  "calls that Redis did not answer");
static struct metric struck_off =
	METRIC(COUNTER, "log_reader_struck_total",
	       "readers of our log that came too far behind to wait for");

void frame_chores_register(void)
{
	metric_register(&store_trips);
	metric_register(&struck_off);
}

void frame_store_missed(void)
{
	metric_add(&store_trips, 1);
}

/* ---- lease, epoch, trimming --------------------------------------------- */

enum err frame_hold_lease(struct frame *f, uint64_t ms)
{
	return store_lease_renew(f->store, f->service->name,
				 f->options.instance, f->token, (unsigned)ms);
}

struct store_writer frame_writer(const struct frame *f)
{
	return (struct store_writer){f->service->name, f->options.instance,
				     f->token, f->epoch};
}

/* Nobody tells of a store that was emptied. */
static void watch_epoch(struct frame *f)
{
	uint64_t now;

	if (store_epoch(f->store, &now))
		frame_store_missed();
	else if (now != f->epoch)
		frame_stop(f, "store.epoch", ERR_EPOCH);
}

static void on_struck(void *arg, const char *reader)
{
	struct frame *f = arg;

	metric_add(&struck_off, 1);
	log_error("log.reader_struck",
		  "log=%s reader=%s text=\"it is more than twice --log-keep "
		  "behind: nobody waits for it any more. When it comes back "
		  "and has no snapshot to go on from, the logs are derived "
		  "from the chain again\"",
		  f->service->writes, reader);
}

static void trim(struct frame *f)
{
	struct store_writer w = frame_writer(f);
	uint64_t first, logged = writer_logged(f->writer);

	if (logged == f->trimmed || logged <= f->market.log_keep)
		return;
	if (store_trim(f->store, &w, f->service->writes, f->market.log_keep,
		       &first, on_struck, f))
		return; /* the next append will tell why */
	f->trimmed = logged;
	f->log_first = first;
}

static void renew(struct frame *f)
{
	enum err e = frame_hold_lease(f, f->market.lease);

	if (e == ERR_FENCED)
		frame_stop(f, "lease.lost", e);
	else if (e)
		frame_store_missed();
}

/* ---- keys of the bus ---------------------------------------------------- */

/* Who hears us or is heard comes back by itself; what is missed meanwhile is
 * read. */
static void renew_keys(struct frame *f)
{
	bool renewed = false;

	if (f->bus_config.keys && f->chores_us - f->keys_us >= KEYS_EVERY_US) {
		f->keys_us = f->chores_us;
		renewed = bus_keys_renewed(f->bus_config.keys);
	}
	if (renewed) {
		log_info("bus.renewed", "text=\"keys of the bus have changed: "
					"every connection is made again\"");
		for (struct follow *l = f->follows; l; l = follow_next(l))
			follow_renew(l);
	}
	if (f->bus && (renewed || f->unbound))
		f->unbound = !bus_out_renew(f->bus);
}

/* ---- status ------------------------------------------------------------- */

void status_text(struct status *s, const char *name, const char *value)
{
	if (s->count + 2 > sizeof s->texts / sizeof s->texts[0])
		return;
	s->texts[s->count++] = name;
	s->texts[s->count++] = value;
}

void status_number(struct status *s, const char *name, uint64_t value)
{
	char *text = s->numbers[s->numbers_count];

	if (s->numbers_count == sizeof s->numbers / sizeof s->numbers[0])
		return;
	s->numbers_count++;
	snprintf(text, sizeof s->numbers[0], "%" PRIu64, value);
	status_text(s, name, text);
}

static void write_status(struct frame *f)
{
	struct status s = {.count = 0};
	uint64_t began = metric_now_us();
	enum err e;

	status_text(&s, "version", KALYPSO_VERSION);
	status_number(&s, "pid", (uint64_t)getpid());
	status_number(&s, "admin_port", admin_port(f->admin));
	status_number(&s, "up_s", (metric_now_us() - f->started_us) / 1000000);
	status_text(&s, "ready", f->ready ? "true" : "false");
	status_text(&s, "why", f->ready ? "" : f->why);
	if (f->writer) {
		status_number(&s, "logged", writer_logged(f->writer));
		status_number(&s, "unflushed", writer_waiting(f->writer));
		status_number(&s, "log_first", f->log_first);
	}
	frame_watch_status(f, &s);
	if (f->service->status && f->running)
		f->service->status(f->self, &s);
	e = store_status_write(f->store, f->service->name, f->options.instance,
			       s.texts, s.count, STATUS_TTL_MS);
	if (e)
		frame_store_missed();
	frame_watch_store(f, metric_now_us() - began, e);
}

/* ---- when --------------------------------------------------------------- */

static void do_chores(void *arg)
{
	struct frame *f = arg;

	f->chores_us = metric_now_us();
	admin_beat(f->admin);
	if (f->bus) /* opened under the lease */
		renew(f);
	renew_keys(f);
	if (f->running)
		frame_watch(f);
	if (!f->store || !f->epoch)
		return;
	if (f->running)
		watch_epoch(f);
	if (f->chores_us - f->status_us < STATUS_EVERY_US)
		return;
	f->status_us = f->chores_us;
	if (f->writer && !f->service->journalled)
		trim(f);
	write_status(f);
}

void frame_chores_plan(struct frame *f)
{
	unsigned ms = CHORES_MS;

	if (f->store && f->market.lease / 5 < ms)
		ms = (unsigned)f->market.lease / 5;
	loop_timer_cancel(f->loop, &f->chores);
	f->chores = loop_timer(f->loop, ms, false, do_chores, f);
}

void frame_chores_put_off(struct frame *f)
{
	if (metric_now_us() - f->chores_us < f->market.lease * 1000 / 2)
		frame_chores_plan(f);
}
