/* Two clocks, asked at the same time. */
#include "common/frame_clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/log.h"
#include "common/metric.h"

/* For so long it has to be off: a clock that is set jumps once. */
enum { OFF_MS = 3000, EVERY_US = 5000000, TIME_ROOM = 32 };

static struct alarm clock_off = ALARM(
	"clock_off",
	"this machine's clock and that of Redis' machine differ: set the one "
	"that is wrong, and keep both by NTP (chrony, systemd-timesyncd). "
	"Matches, slashes and leases don't depend on it; log times, webhooks' "
	"timestamps and certificates do");
static struct metric offset =
	METRIC(GAUGE, "clock_offset_ms",
	       "how far this machine's clock is ahead of Redis'");

void frame_clock_register(void)
{
	alarm_register(&clock_off);
	metric_register(&offset);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *show(char out[TIME_ROOM], int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (!gmtime_r(&s, &tm) ||
	    !strftime(out, TIME_ROOM, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(out, TIME_ROOM, "%" PRId64, ms / 1000);
	return out;
}

void frame_clock_look(struct frame *f)
{
	char ours[TIME_ROOM], theirs[TIME_ROOM], where[128];
	uint64_t asked_us = metric_now_us();
	int64_t redis, here, limit = (int64_t)f->market.alarm_clock * 1000;
	struct alarm_look look = {.limit = limit ? OFF_MS : 0};

	if (f->clock_us && asked_us - f->clock_us < EVERY_US)
		return;
	if (store_time(f->store, &redis))
		return;
	f->clock_us = asked_us;
	look.now = metric_now_us() / 1000;
	/* When it was asked is between the question and now. */
	here = now_ms() - (int64_t)(metric_now_us() - asked_us) / 2000;
	metric_set(&offset, here - redis);
	look.due = llabs(here - redis) >= limit;
	snprintf(where, sizeof where, "clock=%s redis=%s off_s=%" PRId64,
		 show(ours, here), show(theirs, redis), (here - redis) / 1000);
	frame_alarm(&clock_off, &look, where);
}
