/* Two points in time: since when nothing moves, and when that was seen last. */
#include "common/alarm.h"

static struct alarm *first;

enum alarm_turn alarm_look(struct alarm *a, const struct alarm_look *l)
{
	bool was = a->on, bad;

	if (!a->due || !l->due || l->done != a->done || l->now < a->since)
		a->since = l->now;
	a->due = l->due;
	a->done = l->done;
	bad = l->limit && l->due && l->now - a->since >= l->limit;
	if (bad || l->now < a->bad)
		a->bad = l->now;
	a->on = bad || (was && l->now - a->bad < (l->limit + 1) / 2);
	metric_set(&a->metric, a->on);
	return a->on == was ? ALARM_SAME : a->on ? ALARM_BEGUN : ALARM_OVER;
}

void alarm_register(struct alarm *a)
{
	struct alarm **p = &first;

	metric_register(&a->metric);
	while (*p && *p != a)
		p = &(*p)->next;
	*p = a;
}

void alarm_names(struct buf *out)
{
	const char *between = "";

	for (struct alarm *a = first; a; a = a->next)
		if (metric_value(&a->metric)) {
			buf_printf(out, "%s%s", between, a->name);
			between = " ";
		}
}

void alarm_print(struct buf *out)
{
	for (struct alarm *a = first; a; a = a->next)
		if (metric_value(&a->metric))
			buf_printf(out, "alarm %s: %s\n", a->name, a->text);
}
