/* Clients of the feed, many in one process. usage:
 *	clients PORT COUNT STALLED CLOCK-FILE SUBSCRIPTION [CAPTURE]
 *
 * Each says SUBSCRIPTION and waits for the answer; STALLED of them read nothing
 * after it. Says `ready`, then obeys stdin:
 *
 *	reset		forget what was counted (answer: `ok`)
 *	result N	wait until all that read have entry N; an object of what
 *			came
 *
 * CAPTURE: a file for the events that the first client gets since the newest
 * reset, each behind its size (u32). A client that loses its connection, unless
 * it is stalled, is the end of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/bench/gateway/shared.h"

enum {
	COUNT_MAX = 20000,
	READ_ROOM = 256 << 10,
	TEXT_ROOM = 4096, /* of a message: what its number is in */
	STALLED_ROOM = 4096,
	PUBLISH_US = 2000, /* how often the writer is told how far all are */
	WAIT_S = 60,
	FILES_OWN = 64,	 /* descriptors that aren't connections */
	PATIENCE_S = 10, /* for an answer to a handshake */
};

enum { OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

struct client {
	int fd;
	bool answered, stalled;
	uint64_t number; /* of the newest entry that it has */

	/* The frame that is being read. */
	uint8_t header[10];
	size_t header_size;
	uint64_t left; /* of its payload */
	char text[TEXT_ROOM];
	size_t text_size;
};

static struct client *clients;
static size_t count, readers, answered;
static int turner;
static struct clock_file *shared;
static FILE *capture;

/* Since the last reset. */
static uint64_t events, bytes, first_us, last_us;
static struct samples samples;

/* ---- messages ----------------------------------------------------------- */

static bool begins(const struct client *c, const char *with)
{
	return strncmp(c->text, with, strlen(with)) == 0;
}

static void on_event(struct client *c, uint64_t size)
{
	const char *at = strstr(c->text, "\"seq\":");
	uint64_t now = now_us(), put;
	uint32_t size32 = (uint32_t)size;

	if (!at)
		return;
	c->number = strtoull(at + strlen("\"seq\":"), NULL, 10);
	put = shared->put_us[c->number % STAMPS];
	sample(&samples, now > put ? now - put : 0);
	first_us = first_us ? first_us : now;
	last_us = now;
	events++;
	if (!capture || c != clients)
		return;
	if (size > c->text_size) {
		fprintf(stderr,
			"bench: a message of %" PRIu64 " bytes is too "
			"large to be kept\n",
			size);
		exit(1);
	}
	fwrite(&size32, sizeof size32, 1, capture);
	fwrite(c->text, size32, 1, capture);
}

static void on_message(struct client *c, uint64_t size)
{
	c->text[c->text_size] = 0;
	if (begins(c, "{\"op\":\"subscribed\"")) {
		answered += !c->answered;
		c->answered = true;
	} else if (begins(c, "{\"op\":\"error\"") ||
		   begins(c, "{\"op\":\"lagging\"")) {
		fprintf(stderr, "bench: the gateway says %s\n", c->text);
		exit(1);
	} else if (begins(c, "{\"log\":") || begins(c, "{\"op\":\"change\"")) {
		on_event(c, size);
	}
}

/* ---- frames ------------------------------------------------------------- */

/* Masked with zeros, as small ones: what a client may say. */
static void say(const struct client *c, unsigned op, const char *text,
		size_t size)
{
	uint8_t frame[8 + 1024] = {(uint8_t)(0x80 | op), 0x80 | 126,
				   (uint8_t)(size >> 8), (uint8_t)size};
	size_t header = 8;

	if (size > 1024) {
		fprintf(stderr, "bench: a subscription has 1024 bytes\n");
		exit(2);
	}
	if (size < 126) {
		frame[1] = (uint8_t)(0x80 | size);
		frame[2] = frame[3] = 0;
		header = 6;
	}
	memcpy(frame + header, text, size);
	if (write(c->fd, frame, header + size) != (ssize_t)(header + size))
		die("a client can't write");
}

static size_t header_room(const struct client *c)
{
	unsigned size = c->header_size < 2 ? 0 : c->header[1] & 0x7f;

	return size == 127 ? 10 : size == 126 ? 4 : 2;
}

static uint64_t payload_size(const struct client *c)
{
	size_t at = 2, end = header_room(c);
	uint64_t size = 0;

	if (end == 2)
		return c->header[1];
	while (at < end)
		size = size << 8 | c->header[at++];
	return size;
}

static void on_frame(struct client *c)
{
	switch (c->header[0] & 0x0f) {
	case OP_TEXT:
	case OP_BINARY:
		on_message(c, payload_size(c));
		break;
	case OP_PING:
		say(c, OP_PONG, c->text, c->text_size);
		break;
	case OP_CLOSE:
		fprintf(stderr, "bench: a client was closed\n");
		exit(1);
	}
	c->header_size = c->text_size = 0;
}

static void on_bytes(struct client *c, const uint8_t *p, size_t size)
{
	const uint8_t *end = p + size;

	while (p < end) {
		size_t take, keep;

		if (c->header_size < header_room(c)) {
			c->header[c->header_size++] = *p++;
			if (c->header_size < header_room(c))
				continue;
			c->left = payload_size(c);
		}
		take = (size_t)(end - p);
		take = c->left < take ? c->left : take;
		keep = TEXT_ROOM - 1 - c->text_size;
		keep = take < keep ? take : keep;
		memcpy(c->text + c->text_size, p, keep);
		c->text_size += keep;
		c->left -= take;
		p += take;
		if (!c->left)
			on_frame(c);
	}
}

static void on_readable(struct client *c)
{
	static uint8_t room[READ_ROOM];
	ssize_t size = recv(c->fd, room, sizeof room, MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0)
		die("a client lost its connection");
	bytes += (uint64_t)size;
	on_bytes(c, room, (size_t)size);
	if (c->stalled && c->answered)
		epoll_ctl(turner, EPOLL_CTL_DEL, c->fd, NULL);
}

/* ---- coming ------------------------------------------------------------- */

static void shake_hands(struct client *c)
{
	static const char ask[] =
		"GET /v1/feed HTTP/1.1\r\nHost: 127.0.0.1\r\n"
		"Connection: Upgrade\r\nUpgrade: websocket\r\n"
		"Sec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
	char answer[1024];
	size_t size = 0;

	if (send(c->fd, ask, sizeof ask - 1, 0) != sizeof ask - 1)
		die("a handshake");
	/* A byte at a time: what follows is none of its business. */
	while (size < 4 || memcmp(answer + size - 4, "\r\n\r\n", 4) != 0) {
		if (size == sizeof answer ||
		    recv(c->fd, answer + size, 1, 0) != 1)
			die("a handshake's answer");
		size++;
	}
	if (strncmp(answer, "HTTP/1.1 101", 12) != 0) {
		fprintf(stderr, "bench: a client is refused: %.*s\n", (int)size,
			answer);
		exit(1);
	}
}

static void connect_client(struct client *c, uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {PATIENCE_S, 0};
	struct epoll_event event = {EPOLLIN, {.ptr = c}};
	int room = STALLED_ROOM, yes = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket");
	if (c->stalled)
		setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(c->fd, (struct sockaddr *)&at, sizeof at))
		die("connect");
	shake_hands(c);
	if (epoll_ctl(turner, EPOLL_CTL_ADD, c->fd, &event))
		die("epoll");
}

/* ---- turning ------------------------------------------------------------ */

static void publish(bool now)
{
	static uint64_t published_us;
	uint64_t us = now_us(), least = UINT64_MAX;

	if (!now && us - published_us < PUBLISH_US)
		return;
	published_us = us;
	for (size_t i = 0; i < count; i++)
		if (!clients[i].stalled && clients[i].number < least)
			least = clients[i].number;
	shared->reached = least;
}

/* Whether stdin has something. */
static bool turn(int ms)
{
	struct epoll_event got[256];
	int n = epoll_wait(turner, got, 256, ms);
	bool said = false;

	for (int i = 0; i < n; i++) {
		if (got[i].data.ptr)
			on_readable(got[i].data.ptr);
		else
			said = true;
	}
	publish(false);
	return said;
}

static void print_result(uint64_t target)
{
	uint64_t end = now_us() + WAIT_S * 1000000ull;

	for (publish(true); shared->reached < target; publish(true)) {
		turn(1);
		if (now_us() > end) {
			fprintf(stderr,
				"bench: a client has %" PRIu64 " of %" PRIu64
				" only\n",
				(uint64_t)shared->reached, target);
			exit(1);
		}
	}
	printf("{");
	print_samples(&samples);
	printf("\"events\":%" PRIu64 ",\"bytes\":%" PRIu64
	       ",\"seconds\":%.6f}\n",
	       events, bytes, (double)(last_us - first_us) / 1e6);
	if (capture)
		fflush(capture);
}

static void reset(void)
{
	if (capture && (fflush(capture) || ftruncate(fileno(capture), 0) ||
			fseek(capture, 0, SEEK_SET)))
		die("the capture");
	events = bytes = first_us = last_us = samples.count = 0;
	printf("ok\n");
}

/* One command at a time; false at the end of stdin. */
static bool obey(void)
{
	char line[COMMAND_ROOM];
	uint64_t target;

	if (!read_command(line))
		return false;
	if (strcmp(line, "reset\n") == 0)
		reset();
	else if (sscanf(line, "result %" SCNu64, &target) == 1)
		print_result(target);
	else
		exit(2);
	return true;
}

int main(int argc, char **argv)
{
	struct epoll_event in = {EPOLLIN, {.ptr = NULL}};
	size_t stalled;
	uint16_t port;

	if (argc != 6 && argc != 7) {
		fprintf(stderr, "usage: clients PORT COUNT STALLED CLOCK-FILE "
				"SUBSCRIPTION [CAPTURE]\n");
		return 2;
	}
	begin_program();
	port = (uint16_t)parse_count(argv[1], 65535);
	count = parse_count(argv[2], COUNT_MAX);
	stalled = parse_count(argv[3], count);
	readers = count - stalled;
	allow_files(count + FILES_OWN);
	shared = clock_open(argv[4]);
	capture = argc == 7 ? fopen(argv[6], "wb") : NULL;
	if (argc == 7 && !capture)
		die(argv[6]);
	clients = calloc(count ? count : 1, sizeof clients[0]);
	turner = epoll_create1(EPOLL_CLOEXEC);
	if (!clients || turner < 0)
		die("clients");
	for (size_t i = 0; i < count; i++) {
		clients[i].stalled = i >= readers;
		connect_client(&clients[i], port);
		say(&clients[i], OP_TEXT, argv[5], strlen(argv[5]));
	}
	while (answered < count)
		turn(100);
	printf("ready\n");
	epoll_ctl(turner, EPOLL_CTL_ADD, STDIN_FILENO, &in);
	while (!turn(100) || obey())
		;
	return 0;
}
