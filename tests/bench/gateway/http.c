/* Asks over HTTP at a constant rate. usage:
 *	http PORT PATH IDS RATE SECONDS CONNECTIONS
 *
 * PATH may have a %u, which stands for a random number from 1 to IDS. Requests
 * are due at fixed times; one that finds every connection busy waits for one,
 * and the time it takes is counted from when it was due, so that an answer
 * that stalls is felt by all that it delays. Prints an object of what came.
 * Anything but 200 is the end of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/bench/gateway/shared.h"

enum {
	CONNECTIONS_MAX = 1000,
	READ_ROOM = 256 << 10,
	HEAD_ROOM = 4096,
	PAUSE_US = 100 * 1000,
	WAIT_US = 30 * 1000 * 1000,
};

struct connection {
	int fd;
	bool busy;
	uint64_t due_us; /* of what it asked */
	char head[HEAD_ROOM];
	size_t head_size;
	bool in_body;
	uint64_t left; /* of the body */
};

static struct connection connections[CONNECTIONS_MAX];
static size_t connections_count;
static const char *path;
static unsigned long ids;
static uint64_t dice = 0x9e3779b97f4a7c15;
static struct samples samples;
static uint64_t bytes;

static unsigned long draw(void)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return 1 + (dice >> 11) % ids;
}

static void ask(struct connection *c, uint64_t due_us)
{
	const char *number = strstr(path, "%u");
	char text[1024];
	int size;

	if (number)
		size = snprintf(text, sizeof text,
				"GET %.*s%lu%s HTTP/1.1\r\nHost: 127.0.0.1"
				"\r\n\r\n",
				(int)(number - path), path, draw(), number + 2);
	else
		size = snprintf(text, sizeof text,
				"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
				path);
	c->busy = true;
	c->due_us = due_us;
	c->head_size = 0;
	c->in_body = false;
	if (send(c->fd, text, (size_t)size, 0) != size)
		die("a request");
}

static void on_head(struct connection *c)
{
	const char *length;

	c->head[c->head_size] = 0;
	length = strcasestr(c->head, "\r\ncontent-length:");
	if (strncmp(c->head, "HTTP/1.1 200", 12) != 0 || !length) {
		fprintf(stderr, "bench: the answer is %s\n", c->head);
		exit(1);
	}
	c->left = strtoull(length + strlen("\r\ncontent-length:"), NULL, 10);
	c->in_body = true;
}

static void on_bytes(struct connection *c, const char *p, size_t size)
{
	bytes += size;
	while (size && !c->in_body) {
		if (c->head_size == HEAD_ROOM - 1) {
			fprintf(stderr, "bench: a head without an end\n");
			exit(1);
		}
		c->head[c->head_size++] = *p++;
		size--;
		if (c->head_size >= 4 &&
		    memcmp(c->head + c->head_size - 4, "\r\n\r\n", 4) == 0)
			on_head(c);
	}
	if (!c->busy || size > c->left) {
		fprintf(stderr, "bench: more than the answer came\n");
		exit(1);
	}
	c->left -= size;
	if (!c->in_body || c->left)
		return;
	c->busy = false;
	sample(&samples, now_us() - c->due_us);
}

static void on_readable(struct connection *c)
{
	static char room[READ_ROOM];
	ssize_t size = recv(c->fd, room, sizeof room, MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0)
		die("a connection was lost");
	on_bytes(c, room, (size_t)size);
}

static void open_connection(struct connection *c, uint16_t port, int turner)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event event = {EPOLLIN, {.ptr = c}};
	int yes = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&at, sizeof at))
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	if (epoll_ctl(turner, EPOLL_CTL_ADD, c->fd, &event))
		die("epoll");
}

static struct connection *find_idle(void)
{
	for (size_t i = 0; i < connections_count; i++)
		if (!connections[i].busy)
			return &connections[i];
	return NULL;
}

/* Until all @total are answered. */
static void run(int turner, uint64_t total, double rate)
{
	uint64_t began = now_us(), asked = 0;

	while (samples.count < total) {
		struct epoll_event got[64];
		uint64_t now = now_us(), due;
		struct connection *c;
		struct timespec pause = {.tv_nsec = PAUSE_US * 1000};
		int n;

		for (;; asked++) {
			due = began + (uint64_t)((double)asked * 1e6 / rate);
			c = asked < total && due <= now ? find_idle() : NULL;
			if (!c)
				break;
			ask(c, due);
		}
		if (asked < total && due > now && due - now < PAUSE_US)
			pause.tv_nsec = (long)(due - now) * 1000;
		n = epoll_pwait2(turner, got, 64, &pause, NULL);
		for (int i = 0; i < n; i++)
			on_readable(got[i].data.ptr);
		if (now >
		    began + WAIT_US + (uint64_t)((double)total * 1e6 / rate)) {
			fprintf(stderr, "bench: %zu of %" PRIu64 " answers\n",
				samples.count, total);
			exit(1);
		}
	}
	printf("{");
	print_samples(&samples);
	printf("\"answers\":%zu,\"bytes\":%" PRIu64 ",\"seconds\":%.6f}\n",
	       samples.count, bytes, (double)(now_us() - began) / 1e6);
}

int main(int argc, char **argv)
{
	unsigned long rate, seconds;
	uint16_t port;
	int turner = epoll_create1(EPOLL_CLOEXEC);

	if (argc != 7) {
		fprintf(stderr, "usage: http PORT PATH IDS RATE SECONDS "
				"CONNECTIONS\n");
		return 2;
	}
	begin_program();
	port = (uint16_t)parse_count(argv[1], 65535);
	path = argv[2];
	ids = parse_count(argv[3], 1000000000);
	rate = parse_count(argv[4], 1000000);
	seconds = parse_count(argv[5], 3600);
	connections_count = parse_count(argv[6], CONNECTIONS_MAX);
	if (!ids || !rate || !seconds || !connections_count || turner < 0 ||
	    strlen(path) > 900)
		die("http");
	for (size_t i = 0; i < connections_count; i++)
		open_connection(&connections[i], port, turner);
	run(turner, rate * seconds, (double)rate);
	return 0;
}
