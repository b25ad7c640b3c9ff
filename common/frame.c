/* From argv to a running service, and back out. */
#include "common/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/frame_watch.h"
#include "common/keccak.h"
#include "common/key.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/version.h"

enum {
	PHASE_MS = 50,
	RETRY_MS = 100,
	STATUS_TTL_MS = 5000,
	STATUS_EVERY_US = 900000,
	CHORES_MS = 400,
	SECOND_NICE = 10,
	COMPLAIN_US = 30 * 1000 * 1000,
	RUNNING = -1, /* the phase after all others */
};

static struct metric up_since =
	METRIC(GAUGE, "service_ready", "1 while the service does its work");
static struct metric rejected =
	METRIC(COUNTER, "input_rejected_total", "input that could not be used");
static struct metric retried =
	METRIC(COUNTER, "retry_total", "times that the world was not ready");
static struct metric store_trips = METRIC(COUNTER, "store_unreachable_total",
					  "calls that Redis did not answer");

#define OPT(kind, name, fallback, unit, meaning)                               \
	{#name,	   CONF_##kind, offsetof(struct frame_options, name),          \
	 fallback, unit,	meaning},
static const struct conf_row frame_rows[] = {
#include "common/frame.def"
	{0}};
#define OPT(kind, name, fallback, unit, meaning)                               \
	{#name,	   CONF_##kind, offsetof(struct market_options, name),         \
	 fallback, unit,	meaning},
static const struct conf_row market_rows[] = {
#include "common/market.def"
	{0}};

static struct metric reloaded =
	METRIC(COUNTER, "service_reloaded_total",
	       "times that the service began again with what the store holds");
static struct metric struck_off =
	METRIC(COUNTER, "log_reader_struck_total",
	       "readers of our log that came too far behind to wait for");

/* ---- errors ------------------------------------------------------------- */

void frame_end_epoch(struct frame *f)
{
	f->over = f->epoch;
}

static void reload(struct frame *f, const char *what, enum err e)
{
	if (f->reloading || f->fatal)
		return;
	log_warn("service.reloading", "what=%s err=%s text=\"%s\"", what,
		 err_name(e), err_text(e));
	metric_add(&reloaded, 1);
	if (e == ERR_BEHIND)
		frame_end_epoch(f);
	frame_set_ready(f, false, "beginning again");
	f->reloading = true;
	loop_stop(f->loop);
}

void frame_stop(struct frame *f, const char *what, enum err e)
{
	if (err_class(e) == ERR_CLASS_RELOAD) {
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
				      .bus_at = f->market.bus,
				      .instances = f->market.instances,
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

static void put_off_chores(struct frame *f);

static void flush_again(void *arg)
{
	struct frame *f = arg;

	f->retry = NULL;
	frame_flush(f);
}

static enum err hold_lease(struct frame *f, uint64_t ms)
{
	return store_lease_renew(f->store, f->service->name,
				 f->options.instance, f->token, (unsigned)ms);
}

/* A lease that ran out because Redis or we were away, and that nobody else has
 * taken, is taken again. Somebody may have had it in between: what he wrote is
 * found in the log then, and ends us. */
static enum err take_again(struct frame *f)
{
	enum err e = hold_lease(f, f->market.lease);

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
		metric_add(&store_trips, 1);
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
	put_off_chores(f);
}

void frame_push(struct frame *f)
{
	settle_append(f, writer_push(f->writer));
}

/* ---- chores: lease, epoch, trimming, status ---------------------------- */

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
		metric_add(&store_trips, 1);
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
	enum err e = hold_lease(f, f->market.lease);

	if (e == ERR_FENCED)
		frame_stop(f, "lease.lost", e);
	else if (e)
		metric_add(&store_trips, 1);
}

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
	if (f->service->status && f->phase == (unsigned)RUNNING)
		f->service->status(f->self, &s);
	e = store_status_write(f->store, f->service->name, f->options.instance,
			       s.texts, s.count, STATUS_TTL_MS);
	if (e)
		metric_add(&store_trips, 1);
	frame_watch_store(f, metric_now_us() - began, e);
}

static void do_chores(void *arg)
{
	struct frame *f = arg;

	f->chores_us = metric_now_us();
	admin_beat(f->admin);
	if (f->bus) /* opened under the lease */
		renew(f);
	if (f->phase == (unsigned)RUNNING)
		frame_watch(f);
	if (!f->store || !f->epoch)
		return;
	if (f->phase == (unsigned)RUNNING)
		watch_epoch(f);
	if (f->chores_us - f->status_us < STATUS_EVERY_US)
		return;
	f->status_us = f->chores_us;
	if (f->writer && !f->service->journalled)
		trim(f);
	write_status(f);
}

static void plan_chores(struct frame *f)
{
	unsigned ms = CHORES_MS;

	if (f->store && f->market.lease / 5 < ms)
		ms = (unsigned)f->market.lease / 5;
	loop_timer_cancel(f->loop, &f->chores);
	f->chores = loop_timer(f->loop, ms, false, do_chores, f);
}

/* Blocks come at even intervals: right after one there is time, and a timer of
 * its own would meet some of them again and again. */
static void put_off_chores(struct frame *f)
{
	if (metric_now_us() - f->chores_us < f->market.lease * 1000 / 2)
		plan_chores(f);
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
	char endpoint[BUS_ENDPOINT_ROOM];
	enum err e;

	if (!f->service->writes)
		return ERR_NONE;
	e = store_lease_take(f->store, f->service->name, f->options.instance,
			     f->token, (unsigned)f->market.lease);
	if (e)
		return e;
	bus_endpoint(endpoint, f->market.bus, f->service->name,
		     f->options.instance);
	return f->bus ? ERR_NONE : bus_out_open(&f->bus, endpoint);
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
} phases[] = {
	{reach_store, "waiting for redis"},
	{know_epoch, "waiting for chain-indexer to open the logs"},
	{take_lease, "standby: another instance holds the lease"},
	{start, "waiting to start"},
};

enum { PHASES = sizeof phases / sizeof phases[0] };

static void complain(struct frame *f, enum err e)
{
	uint64_t now = metric_now_us();

	admin_set_ready(f->admin, false, phases[f->phase].waiting);
	f->why = phases[f->phase].waiting;
	if (e == f->last_error && now - f->complained_us < COMPLAIN_US)
		return;
	f->last_error = e;
	f->complained_us = now;
	log_info("service.waiting", "for=\"%s\" err=%s",
		 phases[f->phase].waiting, err_name(e));
}

static void advance(void *arg)
{
	struct frame *f = arg;

	while (f->phase < PHASES && !f->reloading) {
		enum err e = phases[f->phase].advance(f);

		if (e && err_class(e) == ERR_CLASS_RETRY) {
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
	f->phase = (unsigned)RUNNING;
	loop_timer_cancel(f->loop, &f->phases);
}

/* ---- options and state folder ------------------------------------------- */

static enum err check_options(struct frame *f)
{
	const char *instance = f->options.instance;
	enum log_level level;

	if (log_level_parse(&level, f->options.log_level)) {
		fprintf(stderr,
			"%s: --log-level: %s is not debug, info, warn "
			"or error\n",
			f->service->name, f->options.log_level);
		return ERR_CONFIG;
	}
	if (strcmp(f->options.log_format, "human") != 0 &&
	    strcmp(f->options.log_format, "json") != 0) {
		fprintf(stderr, "%s: --log-format: %s is not human or json\n",
			f->service->name, f->options.log_format);
		return ERR_CONFIG;
	}
	log_open(f->service->name, level, *f->options.log_format == 'j');
	if (!*instance || strlen(instance) > 32 ||
	    instance[strspn(instance,
			    "abcdefghijklmnopqrstuvwxyz0123456789-")]) {
		log_error("config.instance",
			  "instance=\"%s\" text=\"1 to 32 of "
			  "a-z, 0-9 and -\"",
			  instance);
		return ERR_CONFIG;
	}
	if (f->options.admin_port > 65535 || f->market.lease > 60000 ||
	    (f->service->market &&
	     (f->market.lease < 200 || f->market.depth < 16 ||
	      f->market.depth > 100000 || f->market.log_keep < 16 ||
	      !f->market.quarantine_max))) {
		log_error("config.range",
			  "text=\"--admin-port is at most 65535, --lease 200 "
			  "to 60000 ms, --depth 16 to 100000 blocks, "
			  "--log-keep at least 16 entries, --quarantine-max "
			  "at least 1\"");
		return ERR_CONFIG;
	}
	return ERR_NONE;
}

const char *frame_folder(const struct frame *f, char out[FRAME_PATH_ROOM])
{
	snprintf(out, FRAME_PATH_ROOM, "%s/%s.%s", f->options.state_dir,
		 f->service->name, f->options.instance);
	return out;
}

enum err frame_key(struct secret_key **out, const char *name, const char *text,
		   const char *password)
{
	struct key_source source = {.hex = text};
	struct keystore keystore;
	struct key_why why;
	enum err e;

	if (*text == '{') {
		e = keystore_parse(&keystore, text, strlen(text), &why);
		if (!e)
			e = keystore_open(out, &keystore, password, &why);
	} else {
		e = key_load(out, &source, &why);
	}
	if (e)
		log_error("config.key", "option=%s text=\"%s\"", name,
			  why.text);
	return e;
}

/* One process per instance: the lock goes when the process does. */
static enum err lock_folder(struct frame *f)
{
	char path[FRAME_PATH_ROOM], lock[FRAME_PATH_ROOM + 8];

	frame_folder(f, path);
	if ((mkdir(f->options.state_dir, 0700) && errno != EEXIST) ||
	    (mkdir(path, 0700) && errno != EEXIST)) {
		log_error("state.folder",
			  "path=%s text=\"%s: give a folder that can be "
			  "written with --state-dir\"",
			  path, strerror(errno));
		return ERR_CONFIG;
	}
	snprintf(lock, sizeof lock, "%s/lock", path);
	f->lock = open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (f->lock >= 0 && flock(f->lock, LOCK_EX | LOCK_NB) == 0)
		return ERR_NONE;
	log_error("state.locked", "path=%s text=\"%s\"", lock,
		  errno == EWOULDBLOCK
			  ? "this instance is running already: stop it, or "
			    "give another --instance"
			  : strerror(errno));
	return ERR_CONFIG;
}

/* ---- in and out --------------------------------------------------------- */

static enum err read_options(struct frame *f, int argc, char **argv)
{
	const struct service *s = f->service;
	struct conf_table tables[3];
	struct conf_program program = {s->name, s->summary, tables, 0};

	if (s->options)
		tables[program.tables_count++] = (struct conf_table){
			s->options, (char *)f->self + s->options_offset};
	if (s->market)
		tables[program.tables_count++] =
			(struct conf_table){market_rows, &f->market};
	tables[program.tables_count++] =
		(struct conf_table){frame_rows, &f->options};
	return conf_read(&program, argc, argv);
}

static enum err open_frame(struct frame *f)
{
	enum err e = check_options(f);

	if (!e)
		e = lock_folder(f);
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

static void close_frame(struct frame *f)
{
	loop_timer_cancel(f->loop, &f->phases);
	loop_timer_cancel(f->loop, &f->chores);
	/* With it, the next copy need not wait for the lease to run out. */
	if (f->bus && hold_lease(f, 0))
		log_debug("lease.kept", "text=\"it runs out by itself\"");
	close_log(f);
	bus_out_close(&f->bus);
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
	plan_chores(f);
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
	loop_free(&f->loop);
	f->fatal = loop_new(&f->loop);
	f->reloading = false;
	f->phase = 0;
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

	metric_register(&up_since);
	metric_register(&rejected);
	metric_register(&retried);
	metric_register(&store_trips);
	metric_register(&reloaded);
	metric_register(&struck_off);
	frame_watch_register();
	f.started_us = metric_now_us();
	if (service->comes_second) /* before there are threads: they inherit */
		setpriority(PRIO_PROCESS, 0, SECOND_NICE);
	e = read_options(&f, argc, argv);
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
	if (f.loop)
		close_frame(&f);
	return e == ERR_NONE	   ? EXIT_OK
	       : e == ERR_CONFIG   ? EXIT_CONFIG
	       : e == ERR_FINALITY ? EXIT_HALTED
				   : EXIT_STOPPED;
}
