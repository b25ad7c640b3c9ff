/* From argv to a running service, and back out. */
#include "common/frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/frame_chores.h"
#include "common/frame_health.h"
#include "common/frame_options.h"
#include "common/frame_protocol.h"
#include "common/frame_room.h"
#include "common/frame_watch.h"
#include "common/keccak.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/version.h"

enum {
	PHASE_MS = 50,
	RETRY_MS = 100,
	SECOND_NICE = 10,
	COMPLAIN_US = 30 * 1000 * 1000,
};

static struct metric up_since =
	METRIC(GAUGE, "service_ready", "1 while the service does its work");
static struct metric rejected =
	METRIC(COUNTER, "input_rejected_total", "input that could not be used");
static struct metric retried =
	METRIC(COUNTER, "retry_total", "times that the world was not ready");

static struct metric reloaded =
	METRIC(COUNTER, "service_reloaded_total",
	       "times that the service began again with what the store holds");

/* ---- errors ------------------------------------------------------------- */

void frame_end_epoch(struct frame *f)
{
	f->over = f->epoch;
}

static void reload(struct frame *f, const char *what, enum err e)
{
	if (f->reloading || f->fatal)
		return;
	f->yielding = e == ERR_NO_ROOM || e == ERR_NEWER;
	log_warn("service.reloading", "what=%s err=%s text=\"%s\"", what,
		 err_name(e), err_text(e));
	metric_add(&reloaded, !f->yielding);
	if (e == ERR_BEHIND)
		frame_end_epoch(f);
	frame_set_ready(f, false, "beginning again");
	f->reloading = true;
	loop_stop(f->loop);
}

void frame_stop(struct frame *f, const char *what, enum err e)
{
	if (err_class(e) == ERR_CLASS_RELOAD && f->service->market) {
		reload(f, what, e);
		return;
	}
	log_error("service.stopping", "what=%s err=%s text=\"%s\"", what,
		  err_name(e), err_text(e));
	f->fatal = e;
	loop_stop(f->loop);
}

bool frame_settle(struct frame *f, const char *what, enum err e)
{
	switch (err_class(e)) {
	case ERR_CLASS_RELOAD:
	case ERR_CLASS_STOP:
		frame_stop(f, what, e);
		return false;
	case ERR_CLASS_RETRY:
		metric_add(&retried, 1);
		break;
	case ERR_CLASS_REJECT:
		if (e == ERR_NONE)
			return true;
		metric_add(&rejected, 1);
		log_warn("input.rejected", "what=%s err=%s", what, err_name(e));
		break;
	}
	return true;
}

void frame_set_ready(struct frame *f, bool ready, const char *why)
{
	if (ready && !f->ready)
		log_info("service.ready", "after_ms=%" PRIu64,
			 (metric_now_us() - f->started_us) / 1000);
	f->ready = ready;
	f->why = why;
	metric_set(&up_since, ready);
	admin_set_ready(f->admin, ready, why);
}

/* ---- our own log -------------------------------------------------------- */

struct quarantine_limits frame_quarantine(const struct frame *f)
{
	return (struct quarantine_limits){f->market.quarantine_max,
					  f->market.quarantine_bytes};
}

struct follow_source frame_source(struct frame *f, const char *log)
{
	return (struct follow_source){.all = &f->follows,
				      .loop = f->loop,
				      .store = f->store,
				      .bus = &f->bus_config,
				      .log = log,
				      .reader = f->service->name,
				      .quarantine = frame_quarantine(f),
				      .epoch = f->epoch};
}

static void on_beat(void *arg)
{
	struct frame *f = arg;

	writer_beat(f->writer);
}

enum err frame_open_log(struct frame *f, uint64_t after)
{
	struct writer_config config = {.store = f->store,
				       .bus = f->bus,
				       .service = f->service->name,
				       .instance = f->options.instance,
				       .log = f->service->writes,
				       .token = f->token,
				       .epoch = f->epoch};
	enum err e = writer_new(&f->writer, &config, after);

	if (e)
		return e;
	f->beats = loop_timer(f->loop, BUS_HEARTBEAT_MS, false, on_beat, f);
	return ERR_NONE;
}

static void flush_again(void *arg)
{
	struct frame *f = arg;

	f->retry = NULL;
	frame_flush(f);
}

/* A lease that ran out because Redis or we were away, and that nobody else has
 * taken, is taken again. Somebody may have had it in between: what he wrote is
 * found in the log then, and ends us. */
static enum err take_again(struct frame *f)
{
	enum err e = frame_hold_lease(f, f->market.lease);

	if (!e)
		log_warn("lease.retaken",
			 "text=\"it had run out, and nobody had taken it\"");
	return e;
}

static void settle_append(struct frame *f, enum err e)
{
	if (e == ERR_FENCED && take_again(f) != ERR_FENCED)
		e = ERR_UNREACHABLE; /* try once more */
	if (e == ERR_UNREACHABLE) {
		frame_store_missed();
		if (!f->retry)
			f->retry = loop_timer(f->loop, RETRY_MS, true,
					      flush_again, f);
	} else if (e) {
		frame_stop(f, "log.append", e);
	}
}

void frame_flush(struct frame *f)
{
	settle_append(f, writer_flush(f->writer));
	frame_chores_put_off(f);
}

void frame_push(struct frame *f)
{
	settle_append(f, writer_push(f->writer));
}

/* ---- starting ----------------------------------------------------------- */

static enum err reach_store(struct frame *f)
{
	return f->store ? store_check(f->store) : ERR_NONE;
}

static enum err know_epoch(struct frame *f)
{
	enum err e = ERR_NONE;

	if (!f->store)
		return ERR_NONE;
	if (f->over)
		e = store_epoch_end(f->store, f->over);
	if (e)
		return e;
	f->over = 0;
	e = f->service->opens_epoch ? store_epoch_begin(f->store, &f->epoch)
				    : store_epoch(f->store, &f->epoch);
	return !e && !f->epoch ? ERR_UNREACHABLE : e;
}

static enum err take_lease(struct frame *f)
{
	enum err e;

	if (!f->service->writes)
		return ERR_NONE;
	e = store_lease_take(f->store, f->service->name, f->options.instance,
			     f->token, (unsigned)f->market.lease);
	if (e)
		return e;
	if (!f->bus)
		e = bus_out_open(&f->bus, &f->bus_config, f->service->name,
				 f->options.instance);
	if (!e)
		bus_out_watch(f->bus, f->loop);
	return e;
}

static void close_log(struct frame *f)
{
	loop_timer_cancel(f->loop, &f->beats);
	loop_timer_cancel(f->loop, &f->retry);
	writer_free(&f->writer);
}

static enum err start(struct frame *f)
{
	enum err e = frame_watch_begin(f);

	if (e)
		return e;
	f->started = true;
	e = f->service->start(f, f->self);
	if (e == ERR_NO_ROOM) /* where there is: that doesn't mend itself */
		e = ERR_STORAGE;
	if (e && err_class(e) == ERR_CLASS_RETRY) {
		if (f->service->stop)
			f->service->stop(f->self);
		f->started = false;
		close_log(f);
	}
	return e;
}

static const struct {
	enum err (*advance)(struct frame *f);
	const char *waiting; /* what is missing while it returns RETRY */
	enum err also;	     /* … or this, which may get better, too */
} phases[] = {
	{reach_store, "waiting for redis", ERR_NONE},
	{know_epoch, "waiting for chain-indexer to open the logs", ERR_NONE},
	{frame_protocol, "a newer version wrote a log: upgrade this service",
	 ERR_NEWER},
	{frame_room, "the state folder cannot be written", ERR_NO_ROOM},
	{take_lease, "standby: another instance holds the lease", ERR_NONE},
	{start, "waiting to start", ERR_NONE},
};

enum { PHASES = sizeof phases / sizeof phases[0] };

/* A lease that can't be asked for isn't another's. */
static const char *missing(const struct frame *f, enum err e)
{
	bool unknown = phases[f->phase].advance == take_lease && e != ERR_HELD;

	return phases[unknown ? 0 : f->phase].waiting;
}

static void complain(struct frame *f, enum err e)
{
	uint64_t now = metric_now_us();

	f->why = missing(f, e);
	if (e == ERR_HELD)
		admin_set_standby(f->admin, f->why);
	else
		admin_set_ready(f->admin, false, f->why);
	if (e == f->last_error && now - f->complained_us < COMPLAIN_US)
		return;
	f->last_error = e;
	f->complained_us = now;
	log_info("service.waiting", "for=\"%s\" err=%s", f->why, err_name(e));
}

static void advance(void *arg)
{
	struct frame *f = arg;

	while (f->phase < PHASES && !f->reloading) {
		enum err e = phases[f->phase].advance(f);

		if (e && (err_class(e) == ERR_CLASS_RETRY ||
			  e == phases[f->phase].also)) {
			complain(f, e);
			return;
		}
		if (e) {
			frame_stop(f, "service.start", e);
			return;
		}
		f->phase++;
		f->last_error = ERR_NONE;
	}
	if (f->reloading)
		return;
	f->running = true;
	loop_timer_cancel(f->loop, &f->phases);
}

/* ---- in and out --------------------------------------------------------- */

static enum err open_frame(struct frame *f)
{
	enum err e = frame_options_check(f);

	if (!e)
		e = frame_lock_folder(f);
	if (!e && f->service->market)
		e = frame_bus_options(f);
	if (!e && f->service->prepare)
		e = f->service->prepare(f->self);
	if (!e)
		e = keccak_self_test();
	if (!e && getrandom(&f->token, sizeof f->token, 0) != sizeof f->token)
		e = ERR_NO_MEMORY;
	if (!e)
		e = loop_new(&f->loop);
	if (!e)
		e = admin_open(&f->admin, f->options.admin_host,
			       (uint16_t)f->options.admin_port);
	if (!e && f->service->market)
		e = store_open(&f->store, f->market.redis, f->market.name,
			       f->market.redis_password,
			       (unsigned)f->market.redis_timeout);
	return e;
}

/* With it, the next copy need not wait for the lease to run out. */
static void give_up_lease(struct frame *f)
{
	enum err e = frame_hold_lease(f, 0);

	if (e == ERR_UNREACHABLE) /* the connection was lost: over another */
		e = frame_hold_lease(f, 0);
	if (e)
		log_debug("lease.kept", "text=\"it runs out by itself\"");
}

static void close_frame(struct frame *f)
{
	loop_timer_cancel(f->loop, &f->phases);
	loop_timer_cancel(f->loop, &f->chores);
	if (f->bus)
		give_up_lease(f);
	close_log(f);
	bus_out_close(&f->bus);
	bus_keys_close(&f->bus_config.keys);
	store_close(&f->store);
	admin_close(&f->admin);
	loop_free(&f->loop);
	buf_free(&f->alarms);
	if (f->lock >= 0)
		close(f->lock);
}

/* From the first phase to the end of the loop. */
static void run(struct frame *f)
{
	frame_chores_plan(f);
	f->phases = loop_timer(f->loop, PHASE_MS, false, advance, f);
	advance(f);
	if (!f->fatal && !f->reloading)
		loop_run(f->loop);
	if (f->started && f->service->stop)
		f->service->stop(f->self);
	f->started = false;
}

/* With a new loop: what is still planned is of the life that is over. The
 * lock, the lease and the ports stay ours. */
static bool begin_again(struct frame *f)
{
	close_log(f);
	loop_timer_cancel(f->loop, &f->phases);
	loop_timer_cancel(f->loop, &f->chores);
	if (f->bus)
		bus_out_watch(f->bus, NULL);
	if (f->bus && f->yielding) {
		give_up_lease(f);
		bus_out_close(&f->bus);
	}
	loop_free(&f->loop);
	f->fatal = loop_new(&f->loop);
	f->reloading = false;
	f->phase = 0;
	f->running = false;
	f->epoch = f->trimmed = f->log_first = 0;
	return !f->fatal;
}

int service_main(const struct service *service, void *self, int argc,
		 char **argv)
{
	struct frame f = {.service = service,
			  .self = self,
			  .lock = -1,
			  .why = "starting"};
	enum err e;

	if (frame_health_wanted(argc, argv))
		return frame_health(service, argc, argv);
	metric_register(&up_since);
	metric_register(&rejected);
	metric_register(&retried);
	metric_register(&reloaded);
	frame_chores_register();
	frame_watch_register();
	f.started_us = metric_now_us();
	if (service->comes_second) /* before there are threads: they inherit */
		setpriority(PRIO_PROCESS, 0, SECOND_NICE);
	e = frame_options_read(&f, argc, argv);
	if (e)
		return EXIT_CONFIG;
	e = open_frame(&f);
	if (!e) {
		log_info("service.started",
			 "version=" KALYPSO_VERSION " instance=%s pid=%d "
			 "admin=%s:%u",
			 f.options.instance, getpid(), f.options.admin_host,
			 admin_port(f.admin));
		run(&f);
		while (f.reloading && !f.fatal && begin_again(&f))
			run(&f);
		e = f.fatal;
	}
	log_info("service.exited", "err=%s", err_name(e));
	close_frame(&f);
	return e == ERR_NONE	   ? EXIT_OK
	       : e == ERR_CONFIG   ? EXIT_CONFIG
	       : e == ERR_FINALITY ? EXIT_HALTED
				   : EXIT_STOPPED;
}
