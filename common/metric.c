/* A list of static variables, printed on demand. */
#include "common/metric.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

static const uint64_t bounds_us[METRIC_BOUNDS] = METRIC_BOUNDS_US;
static const uint64_t spans_us[METRIC_BOUNDS] = METRIC_SPANS_US;
static struct metric *first;
static pthread_mutex_t list = PTHREAD_MUTEX_INITIALIZER;

/* Those of one name stand together: the format asks for it. */
static void insert(struct metric *m)
{
	struct metric **p = &first, **place = NULL;

	for (; *p && *p != m; p = &(*p)->next)
		if (strcmp((*p)->name, m->name) == 0)
			place = &(*p)->next;
	if (*p)
		return;
	if (!place)
		place = p;
	m->next = *place;
	*place = m;
}

void metric_register(struct metric *m)
{
	pthread_mutex_lock(&list);
	insert(m);
	pthread_mutex_unlock(&list);
}

void metric_forget(struct metric *m)
{
	struct metric **p = &first;

	pthread_mutex_lock(&list);
	while (*p && *p != m)
		p = &(*p)->next;
	if (*p)
		*p = m->next;
	pthread_mutex_unlock(&list);
}

static const uint64_t *bounds_of(const struct metric *m)
{
	return m->kind == METRIC_SPANS ? spans_us : bounds_us;
}

void metric_observe_us(struct metric *m, uint64_t us)
{
	const uint64_t *bounds = bounds_of(m);
	unsigned i = 0;

	while (i < METRIC_BOUNDS && us > bounds[i])
		i++;
	atomic_fetch_add_explicit(&m->buckets[i], 1, memory_order_relaxed);
	metric_add(m, (int64_t)us);
}

void metric_set_real(struct metric *m, double v)
{
	int64_t bits;

	memcpy(&bits, &v, sizeof bits);
	metric_set(m, bits);
}

static void print_histogram(struct buf *out, struct metric *m)
{
	const uint64_t *bounds = bounds_of(m);
	uint64_t total = 0;

	for (unsigned i = 0; i <= METRIC_BOUNDS; i++) {
		total += atomic_load_explicit(&m->buckets[i],
					      memory_order_relaxed);
		if (i < METRIC_BOUNDS)
			buf_printf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n",
				   m->name, (double)bounds[i] / 1e6, total);
		else
			buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n",
				   m->name, total);
	}
	buf_printf(out, "%s_sum %.6f\n%s_count %" PRIu64 "\n", m->name,
		   (double)metric_value(m) / 1e6, m->name, total);
}

static void print_value(struct buf *out, struct metric *m)
{
	int64_t value = metric_value(m);
	double real;

	buf_printf(out, "%s", m->name);
	if (m->labels)
		buf_printf(out, "{%s}", m->labels);
	memcpy(&real, &value, sizeof real);
	if (m->kind == METRIC_REAL)
		buf_printf(out, " %.17g\n", real);
	else
		buf_printf(out, " %" PRId64 "\n", value);
}

void metric_print(struct buf *out)
{
	static const char *const kinds[] = {"counter",	 "gauge",     "counter",
					    "histogram", "histogram", "gauge"};
	const char *before = "";

	pthread_mutex_lock(&list);
	for (struct metric *m = first; m; before = m->name, m = m->next) {
		if (strcmp(before, m->name) != 0)
			buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name,
				   m->help, m->name, kinds[m->kind]);
		if (m->kind == METRIC_HISTOGRAM || m->kind == METRIC_SPANS)
			print_histogram(out, m);
		else if (m->kind == METRIC_SECONDS)
			buf_printf(out, "%s %.6f\n", m->name,
				   (double)metric_value(m) / 1e6);
		else
			print_value(out, m);
	}
	pthread_mutex_unlock(&list);
}

uint64_t metric_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}
