/* figure - what benchmarks in C have in common: they end on any error, and
 * print a line `name value unit` for each figure. */
#ifndef TESTS_BENCH_FIGURE_H
#define TESTS_BENCH_FIGURE_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/err.h"

static inline void must(enum err e)
{
	if (!e)
		return;
	fprintf(stderr, "bench: %s\n", err_name(e));
	exit(1);
}

static inline double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static inline double median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, by_value);
	return v[n / 2];
}

static inline void figure(const char *name, double value, const char *unit)
{
	printf("%s %.6g %s\n", name, value, unit);
	fflush(stdout);
}

#endif /* TESTS_BENCH_FIGURE_H */
