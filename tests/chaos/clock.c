/* A wall clock that is wrong by KALYPSO_CLOCK_S seconds; to be preloaded. The
 * monotonic clock stays what it is. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long shift(void)
{
	const char *text = getenv("KALYPSO_CLOCK_S");

	return text ? atoll(text) : 0;
}

int clock_gettime(clockid_t id, struct timespec *out)
{
	long r = syscall(SYS_clock_gettime, id, out);

	if (r == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		out->tv_sec += (time_t)shift();
	return (int)r;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &now))
		return -1;
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *out)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now))
		return -1;
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
