/* Times, memory and open files of the process itself. */
#include "common/process.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/metric.h"
#include "common/version.h"

static struct metric began =
	METRIC(GAUGE, "process_start_time_seconds",
	       "when the process began, in seconds since 1970");
static struct metric processor =
	METRIC(SECONDS, "process_cpu_seconds_total", "processor time used");
static struct metric memory = METRIC(GAUGE, "process_resident_memory_bytes",
				     "memory that it has in use");
static struct metric files =
	METRIC(GAUGE, "process_open_fds", "files and connections open");
static struct metric build = METRIC_LABELLED(GAUGE, "service_build_info",
					     "version=\"" KALYPSO_VERSION "\"",
					     "1; its label is what counts");

void process_register(void)
{
	metric_register(&began);
	metric_register(&processor);
	metric_register(&memory);
	metric_register(&files);
	metric_register(&build);
	metric_set(&build, 1);
	metric_set(&began, (int64_t)time(NULL));
}

static void measure_processor(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u))
		return;
	metric_set(&processor,
		   (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
			   u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void measure_memory(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages;

	if (!f)
		return;
	if (fscanf(f, "%*d %ld", &pages) == 1)
		metric_set(&memory, pages * sysconf(_SC_PAGESIZE));
	fclose(f);
}

static void measure_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int64_t count = -1; /* the folder itself */

	if (!d)
		return;
	while (readdir(d))
		count++;
	closedir(d);
	metric_set(&files, count - 2); /* . and .. */
}

void process_measure(void)
{
	measure_processor();
	measure_memory();
	measure_files();
}
