/* Frames that were rung together are heard together, or not at all. */
#include "tests/sim/bus.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "tests/sim/world.h"

enum { LATENCY_US = 100, LATE_US = 400 * 1000, NAME_ROOM = 64 };

struct bus_out {
	char name[NAME_ROOM]; /* SERVICE.INSTANCE */
	struct buf frames;    /* rung with `more` */
};

struct bus_in {
	struct process *owner;
	char names[2][NAME_ROOM]; /* that it is connected to */
	unsigned names_count;
	bus_fn *fn;
	bus_drained_fn *drained;
	void *arg;
	struct delivery *deliveries;
	struct bus_in *next, **link;
};

/* Frames on their way to one reader. */
struct delivery {
	struct bus_in *to;
	struct world_event *event;
	struct buf frames;
	struct delivery *next, **link;
};

static struct bus_in *readers;
static uint64_t cut_until_us;

void bus_cut(uint64_t us)
{
	cut_until_us = world_now_us() + us;
}

/* ---- frames ------------------------------------------------------------- */

static void put_frame(struct buf *out, uint64_t epoch,
		      const struct entry *entry)
{
	buf_put_be64(out, epoch);
	buf_put_be64(out, entry->number);
	buf_put_be16(out, entry->type);
	buf_put_be32(out, (uint32_t)entry->body.size);
	buf_put(out, entry->body.data, entry->body.size);
}

static uint64_t take(const uint8_t **p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | *(*p)++;
	return v;
}

static void free_delivery(struct delivery *d)
{
	*d->link = d->next;
	if (d->next)
		d->next->link = d->link;
	buf_free(&d->frames);
	free(d);
}

static void deliver(void *arg)
{
	struct delivery *d = arg;
	const uint8_t *p = d->frames.data, *end = p + d->frames.size;

	while (p < end) {
		uint64_t epoch = take(&p, 8);
		struct entry e = {.number = take(&p, 8)};

		e.type = (uint16_t)take(&p, 2);
		e.body.size = take(&p, 4);
		e.body.data = p;
		p += e.body.size;
		if (chance(5))
			continue;
		d->to->fn(d->to->arg, epoch, &e);
		if (chance(5))
			d->to->fn(d->to->arg, epoch, &e);
	}
	d->to->drained(d->to->arg);
	free_delivery(d);
}

static void send(struct bus_in *in, const struct buf *frames)
{
	struct delivery *d = calloc(1, sizeof *d);
	uint64_t us = LATENCY_US + draw(LATENCY_US);

	assert(d);
	d->to = in;
	d->next = in->deliveries;
	d->link = &in->deliveries;
	if (d->next)
		d->next->link = &d->next;
	in->deliveries = d;
	buf_put(&d->frames, frames->data, frames->size);
	if (chance(20))
		us += draw(LATE_US); /* behind what is rung after it */
	d->event = world_after(us, in->owner, deliver, d);
}

static bool hears(const struct bus_in *in, const char *name)
{
	for (unsigned i = 0; i < in->names_count; i++)
		if (strcmp(in->names[i], name) == 0)
			return true;
	return false;
}

static void tell(struct bus_out *out)
{
	for (struct bus_in *in = readers; in; in = in->next)
		if (hears(in, out->name) && world_now_us() >= cut_until_us &&
		    !chance(20))
			send(in, &out->frames);
	buf_clear(&out->frames);
}

/* ---- bus.h -------------------------------------------------------------- */

void bus_endpoint(char out[BUS_ENDPOINT_ROOM], const char *at,
		  const char *service, const char *instance)
{
	(void)at;
	snprintf(out, BUS_ENDPOINT_ROOM, "%s.%s", service, instance);
}

enum err bus_check(const struct bus_config *config, const char *service,
		   const char *instance)
{
	(void)config;
	(void)service;
	(void)instance;
	return ERR_NONE;
}

enum err bus_out_open(struct bus_out **out, const struct bus_config *config,
		      const char *service, const char *instance)
{
	struct bus_out *b = calloc(1, sizeof *b);

	(void)config;
	assert(b);
	snprintf(b->name, NAME_ROOM, "%s.%s", service, instance);
	*out = b;
	return ERR_NONE;
}

void bus_out_watch(struct bus_out *out, struct loop *loop)
{
	(void)out;
	(void)loop;
}

bool bus_out_renew(struct bus_out *out)
{
	(void)out;
	return true;
}

void bus_out_close(struct bus_out **out)
{
	if (!*out)
		return;
	buf_free(&(*out)->frames);
	free(*out);
	*out = NULL;
}

void bus_ring(struct bus_out *out, uint64_t epoch, const struct entry *entry,
	      bool more)
{
	if (process_is_dead())
		return;
	put_frame(&out->frames, epoch, entry);
	if (!more)
		tell(out);
}

void bus_beat(struct bus_out *out, uint64_t epoch, uint64_t newest)
{
	struct entry beat = {.number = newest};

	bus_ring(out, epoch, &beat, false);
}

enum err bus_in_open(struct bus_in **out, struct loop *loop,
		     const struct bus_config *config, const char *service,
		     bus_fn *fn, bus_drained_fn *drained, void *arg)
{
	struct bus_in *in = calloc(1, sizeof *in);

	(void)loop;
	assert(in);
	in->owner = process_current();
	for (const char *p = config->instances; *p; p += *p == ',') {
		size_t size = strcspn(p, ",");

		assert(in->names_count < 2);
		snprintf(in->names[in->names_count++], NAME_ROOM, "%s.%.*s",
			 service, (int)size, p);
		p += size;
	}
	in->fn = fn;
	in->drained = drained;
	in->arg = arg;
	in->next = readers;
	in->link = &readers;
	if (in->next)
		in->next->link = &in->next;
	readers = in;
	*out = in;
	return ERR_NONE;
}

enum err bus_in_renew(struct bus_in *in)
{
	(void)in;
	return ERR_NONE;
}

void bus_in_close(struct bus_in **bus)
{
	struct bus_in *in = *bus;

	if (!in)
		return;
	while (in->deliveries) {
		world_cancel(&in->deliveries->event);
		free_delivery(in->deliveries);
	}
	*in->link = in->next;
	if (in->next)
		in->next->link = in->link;
	free(in);
	*bus = NULL;
}
