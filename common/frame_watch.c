/* Alarms that every service has, and what people see of a frame. */
#include "common/frame_watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/frame_clock.h"
#include "common/log.h"
#include "common/metric.h"

enum { WATCH_EVERY_US = 900000, STORE_SLOW_MS = 3000 };

static struct alarm redis_slow =
	ALARM("redis_slow",
	      "Redis answers late or not at all: nothing is lost, and nothing "
	      "moves; look at its disk (fsync), its memory and the network");
static struct alarm behind =
	ALARM("behind",
	      "a log is not read to its end for long: after a long absence "
	      "that is normal, else look at Redis and at this machine's load");
static struct alarm input_silent = ALARM(
	"input_silent",
	"nothing is heard of the writer of a log: it is down, or frozen, or "
	"the bus is cut, or --instances does not name the copy that leads; see "
	"kalypso status");
static struct metric held =
	METRIC(GAUGE, "quarantine_held", "items in the service's quarantine");

void frame_watch_register(void)
{
	alarm_register(&redis_slow);
	alarm_register(&behind);
	alarm_register(&input_silent);
	frame_clock_register();
	metric_register(&held);
}

enum err frame_watch_begin(struct frame *f)
{
	return f->store && quarantine_can_retry(f->service->name)
		       ? quarantine_retries(f->store, f->service->name,
					    &f->retries)
		       : ERR_NONE;
}

/* ---- alarms ------------------------------------------------------------- */

void frame_alarm(struct alarm *a, const struct alarm_look *look,
		 const char *where)
{
	uint64_t now = metric_now_us();

	switch (alarm_look(a, look)) {
	case ALARM_SAME:
		break;
	case ALARM_BEGUN:
		a->begun_us = now;
		log_error(a->event, "%s%stext=\"%s\"", where, *where ? " " : "",
			  a->text);
		break;
	case ALARM_OVER:
		log_info("alarm.over", "name=%s lasted_s=%" PRIu64, a->name,
			 (now - a->begun_us) / 1000000);
		break;
	}
}

void frame_watch_store(struct frame *f, uint64_t took_us, bool failed)
{
	char where[64];
	struct alarm_look look = {
		.due = failed || took_us / 1000 >= f->market.alarm_redis,
		.now = metric_now_us() / 1000,
		.limit = f->market.alarm_redis ? STORE_SLOW_MS : 0};

	snprintf(where, sizeof where, "ms=%" PRIu64 " answered=%s",
		 took_us / 1000, failed ? "false" : "true");
	frame_alarm(&redis_slow, &look, where);
}

static void look_at_inputs(struct frame *f)
{
	uint64_t now = metric_now_us();
	const struct follow *unread = NULL, *silent = NULL;
	char where[96];
	struct alarm_look look = {.now = now / 1000};

	for (const struct follow *p = f->follows; p; p = follow_next(p)) {
		if (!follow_is_live(p))
			unread = p;
		if (!silent || follow_heard_us(p) < follow_heard_us(silent))
			silent = p;
	}
	look.due = unread;
	look.limit = 1000 * f->market.alarm_behind;
	snprintf(where, sizeof where, "log=%s",
		 unread ? follow_log(unread) : "-");
	frame_alarm(&behind, &look, where);
	/* That it is silent is seen later than it became so. */
	look.due = silent && now - follow_heard_us(silent) >= WATCH_EVERY_US;
	look.done = silent ? follow_heard_us(silent) : 0;
	look.limit = 1000 * f->market.alarm_silent;
	snprintf(where, sizeof where, "log=%s writer=%s",
		 silent ? follow_log(silent) : "-",
		 silent ? follow_writer(follow_log(silent)) : "-");
	frame_alarm(&input_silent, &look, where);
}

/* ---- the quarantine ----------------------------------------------------- */

static void look_for_retries(struct frame *f)
{
	const char *service = f->service->name;
	uint64_t retries;

	if (quarantine_can_retry(service) &&
	    !quarantine_retries(f->store, service, &retries) &&
	    retries != f->retries)
		frame_stop(f, "quarantine.retry", ERR_AGAIN);
}

void frame_watch(struct frame *f)
{
	uint64_t now = metric_now_us();

	if (now - f->watched_us < WATCH_EVERY_US)
		return;
	f->watched_us = now;
	look_at_inputs(f);
	if (f->store)
		look_for_retries(f);
	if (f->store)
		frame_clock_look(f);
	if (f->service->watch)
		f->service->watch(f->self);
}

/* ---- what people see ---------------------------------------------------- */

void frame_rolled_back(struct frame *f, uint64_t from, uint64_t to)
{
	if (!f->ready)
		return;
	f->rolled_back = from > to ? from - to : 0;
	f->rolled_back_at = (uint64_t)time(NULL);
}

/* Who leads: we do, or somebody for whom we stand by. */
static const char *leader(struct frame *f)
{
	*f->leader = 0;
	if (f->bus)
		snprintf(f->leader, sizeof f->leader, "%s",
			 f->options.instance);
	else if (store_lease_holder(f->store, f->service->name, f->leader))
		*f->leader = 0;
	return f->leader;
}

static void put_read(struct status *s, const struct follow *follow)
{
	static const struct {
		const char *log, *row;
	} rows[] = {
#define LINK(name, number, writer, meaning) {#name, "read_" #name},
#include "protocol/messages/links.def"
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].log, follow_log(follow)) == 0)
			status_number(s, rows[i].row, follow_given(follow));
}

void frame_watch_status(struct frame *f, struct status *s)
{
	if (f->service->writes)
		status_text(s, "lease", leader(f));
	if (f->writer)
		status_number(s, "cursor", writer_cursor(f->writer).input);
	for (const struct follow *p = f->follows; p; p = follow_next(p))
		put_read(s, p);
	if (!quarantine_count(f->store, f->service->name, &f->quarantined))
		metric_set(&held, (int64_t)f->quarantined);
	status_number(s, "quarantined", f->quarantined);
	if (f->rolled_back_at) {
		status_number(s, "rolled_back", f->rolled_back);
		status_number(s, "rolled_back_at", f->rolled_back_at);
	}
	buf_clear(&f->alarms);
	alarm_names(&f->alarms);
	status_text(s, "alarms", buf_text(&f->alarms));
}
