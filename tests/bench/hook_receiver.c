/* A receiver of webhooks for benchmarks: takes everything, says what came.
 *
 * usage: hook_receiver HOOKS
 * Listens on a free port of 127.0.0.1 and prints it. POST /h/N is hook N's;
 * /hang/N never answers but its challenge; GET /stats answers what /h/ got
 * since the last time, as JSON (/count only how many): messages, times in
 * microseconds from the `spread` of a request (when its event was written) to
 * here, and for each run of sequences what is missing. A challenge is answered,
 * and not counted. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, TIMES_MAX = 4 << 20, SEQUENCES_MAX = 1 << 20 };

struct connection {
	int fd;
	char *in;
	size_t size, room;
};

struct seen {
	uint8_t *bits; /* of SEQUENCES_MAX */
	uint64_t newest, count;
};

static struct seen *seen;
static size_t hooks;
static uint32_t *times;
static size_t times_count;
static uint64_t messages, first_us, last_us;

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The digits behind @name in @body; 0 if it isn't there. */
static uint64_t number_in(const char *body, const char *name)
{
	const char *at = strstr(body, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void note(const char *path, const char *body)
{
	size_t hook = strtoul(path + 3, NULL, 10);
	uint64_t sequence = number_in(body, "\"sequence\":");
	uint64_t written = number_in(body, "\"spread\":\"");
	uint64_t now = now_us();

	messages++;
	if (!first_us)
		first_us = now;
	last_us = now;
	if (written && times_count < TIMES_MAX)
		times[times_count++] = (uint32_t)(now - written);
	if (hook >= hooks || sequence >= SEQUENCES_MAX || !sequence)
		return;
	if (!seen[hook].bits)
		seen[hook].bits = calloc(SEQUENCES_MAX / 8, 1);
	if (!(seen[hook].bits[sequence / 8] >> (sequence % 8) & 1))
		seen[hook].count++;
	seen[hook].bits[sequence / 8] |= (uint8_t)(1 << (sequence % 8));
	if (sequence > seen[hook].newest)
		seen[hook].newest = sequence;
}

static int by_time(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t quantile(double q)
{
	return times_count ? times[(size_t)(q * (double)(times_count - 1))] : 0;
}

static int stats(char *out, size_t room)
{
	uint64_t missing = 0, distinct = 0;
	int size;

	for (size_t i = 0; i < hooks; i++) {
		missing += seen[i].newest - seen[i].count;
		distinct += seen[i].count;
	}
	qsort(times, times_count, sizeof times[0], by_time);
	size = snprintf(out, room,
			"{\"messages\":%" PRIu64 ",\"distinct\":%" PRIu64
			",\"missing\":%" PRIu64 ",\"span_us\":%" PRIu64
			",\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u}",
			messages, distinct, missing, last_us - first_us,
			quantile(0.5), quantile(0.99), quantile(1));
	messages = first_us = last_us = 0;
	times_count = 0;
	return size;
}

static void answer(const struct connection *c, const char *path,
		   const char *body)
{
	char text[512], out[1024];
	const char *challenge = strstr(body, "\"challenge\":\"");
	int size = 0;

	if (strncmp(path, "/stats", 6) == 0)
		size = stats(text, sizeof text);
	else if (strncmp(path, "/count", 6) == 0)
		size = snprintf(text, sizeof text, "%" PRIu64, messages);
	else if (challenge)
		size = snprintf(text, sizeof text, "%.48s", challenge + 13);
	else if (strncmp(path, "/h/", 3) == 0)
		note(path, body);
	else
		return; /* it hangs */
	size = snprintf(out, sizeof out,
			"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%.*s",
			size, size, text);
	if (send(c->fd, out, (size_t)size, MSG_NOSIGNAL) < 0)
		return; /* gone: the next read says so */
}

/* Answer the requests that are there whole. */
static void answer_all(struct connection *c)
{
	for (;;) {
		char *end, *length, *path;
		size_t body_size = 0, whole;

		c->in[c->size] = 0;
		end = strstr(c->in, "\r\n\r\n");
		if (!end)
			return;
		length = strcasestr(c->in, "content-length:");
		if (length && length < end)
			body_size = strtoul(length + 15, NULL, 10);
		whole = (size_t)(end + 4 - c->in) + body_size;
		if (whole > c->size)
			return;
		path = strchr(c->in, ' ');
		if (path && path < end) {
			char next = c->in[whole];

			c->in[whole] = 0;
			answer(c, path + 1, end + 4);
			c->in[whole] = next;
		}
		c->size -= whole;
		memmove(c->in, c->in + whole, c->size);
	}
}

static bool read_more(struct connection *c)
{
	ssize_t n;

	if (c->room < c->size + 65536) {
		c->room = 2 * c->room + 65536;
		c->in = realloc(c->in, c->room + 1);
		if (!c->in)
			abort();
	}
	n = recv(c->fd, c->in + c->size, c->room - c->size, 0);
	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	c->size += (size_t)n;
	answer_all(c);
	return true;
}

static void watch(int epoll, int fd, struct connection *c)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
		abort();
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, 0), epoll, one = 1;
	struct epoll_event events[EVENTS];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	hooks = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	seen = calloc(hooks + 1, sizeof *seen);
	times = malloc(TIMES_MAX * sizeof *times);
	epoll = epoll_create1(0);
	if (!seen || !times || epoll < 0 ||
	    bind(listener, (struct sockaddr *)&at, size) ||
	    listen(listener, 4096) ||
	    getsockname(listener, (struct sockaddr *)&at, &size))
		return 1;
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	watch(epoll, listener, NULL);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (!c) {
				c = calloc(1, sizeof *c);
				c->fd = accept4(listener, NULL, NULL,
						SOCK_NONBLOCK);
				setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY,
					   &one, sizeof one);
				watch(epoll, c->fd, c);
			} else if (!read_more(c)) {
				close(c->fd);
				free(c->in);
				free(c);
			}
		}
	}
}
