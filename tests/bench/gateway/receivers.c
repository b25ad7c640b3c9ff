/* Receivers of webhooks, many in one process. usage: receivers COUNT CLOCK-FILE
 *
 * Says its port; receiver n is at /n. Each answers challenges, and 200 to every
 * message, and notes which sequences it has. Obeys stdin:
 *
 *	reset		forget times and counts, not what came (answer: `ok`)
 *	hang N		the last N answer no message any more; others are
 *			answered at once, those held back, too (answer: `ok`)
 *	result SEQ	wait until all that don't hang have everything up to
 *			entry SEQ, or nothing has come for WAIT_S; an object of
 *			what came, and of what is missing */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/bench/gateway/shared.h"

enum {
	RECEIVERS_MAX = 2000,
	CONNECTIONS_MAX = 8192,
	FILES_OWN = 64,
	REQUEST_ROOM = 64 << 10,
	WAIT_S = 30, /* longer than a time-out and the first retry */
};

struct receiver {
	uint8_t *got; /* by sequence */
	size_t room;
	uint64_t distinct, highest; /* sequences */
	uint64_t newest;	    /* entry of the log */
};

struct connection {
	int fd;
	bool held; /* its request isn't answered */
	char text[REQUEST_ROOM];
	size_t size;
	struct connection *next_held;
};

static struct receiver receivers[RECEIVERS_MAX];
static size_t count, hanging;
static int turner, door;
static struct clock_file *shared;
static struct connection *held;

/* Since the last reset. */
static uint64_t messages, repeated, first_us, last_us;
static uint64_t heard_us; /* when something came last */
static struct samples samples;

/* ---- what came ---------------------------------------------------------- */

/* The number behind @name in @text, 0 if there is none. */
static uint64_t number_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static bool is_new(struct receiver *r, uint64_t sequence)
{
	if (sequence >= r->room) {
		size_t room = 2 * (size_t)sequence + 1024;

		r->got = realloc(r->got, room);
		if (!r->got)
			die("receivers");
		memset(r->got + r->room, 0, room - r->room);
		r->room = room;
	}
	if (r->got[sequence])
		return false;
	r->got[sequence] = 1;
	r->distinct++;
	r->highest = sequence > r->highest ? sequence : r->highest;
	return true;
}

static void on_message(struct receiver *r, const char *body)
{
	uint64_t sequence = number_of(body, "\"sequence\":");
	uint64_t seq = number_of(body, "\"seq\":"), now = now_us(), put;

	heard_us = now;
	if (!sequence)
		return; /* it isn't one of the log */
	if (!is_new(r, sequence)) {
		repeated++;
		return;
	}
	messages++;
	r->newest = seq > r->newest ? seq : r->newest;
	first_us = first_us ? first_us : now;
	last_us = now;
	put = shared->put_us[seq % STAMPS];
	sample(&samples, now > put ? now - put : 0);
}

/* ---- HTTP --------------------------------------------------------------- */

static void hang_up(struct connection *c)
{
	for (struct connection **at = &held; *at; at = &(*at)->next_held) {
		if (*at == c) {
			*at = c->next_held;
			break;
		}
	}
	close(c->fd);
	free(c);
}

static void answer(const struct connection *c, const char *text, size_t size)
{
	char all[512];
	int length = snprintf(all, sizeof all,
			      "HTTP/1.1 200 OK\r\ncontent-length: %zu\r\n\r\n"
			      "%.*s",
			      size, (int)size, text);

	/* If it has hung up, that will be read. */
	(void)!send(c->fd, all, (size_t)length, MSG_DONTWAIT);
}

static void answer_challenge(const struct connection *c, const char *body)
{
	static const char name[] = "\"challenge\":\"";
	const char *at = strstr(body, name), *end;

	end = at ? strchr(at + sizeof name - 1, '"') : NULL;
	if (!end || end - at > 300) {
		fprintf(stderr, "bench: no challenge in %s\n", body);
		exit(1);
	}
	at += sizeof name - 1;
	answer(c, at, (size_t)(end - at));
}

static void on_request(struct connection *c, const char *body)
{
	size_t i = (size_t)number_of(c->text, "POST /");

	if (i >= count) {
		fprintf(stderr, "bench: there is no receiver %zu\n", i);
		exit(1);
	}
	if (strstr(body, "\"webhook.challenge\"")) {
		answer_challenge(c, body);
	} else if (i >= count - hanging) {
		c->held = true;
		c->next_held = held;
		held = c;
	} else {
		on_message(&receivers[i], body);
		answer(c, "", 0);
	}
}

/* A whole request, if there is one. */
static void parse(struct connection *c)
{
	char *body, *length;
	size_t size;

	c->text[c->size] = 0;
	body = strstr(c->text, "\r\n\r\n");
	length = body ? strcasestr(c->text, "\r\ncontent-length:") : NULL;
	if (!body)
		return;
	if (!length || length > body) {
		fprintf(stderr, "bench: a request without a length\n");
		exit(1);
	}
	body += 4;
	size = strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
	if (c->size - (size_t)(body - c->text) < size)
		return;
	c->size = 0; /* the next comes when this one was answered */
	on_request(c, body);
}

static void on_readable(struct connection *c)
{
	ssize_t size = recv(c->fd, c->text + c->size,
			    REQUEST_ROOM - 1 - c->size, MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0) {
		hang_up(c); /* a gateway that was killed, or gave up */
		return;
	}
	c->size += (size_t)size;
	if (!c->held)
		parse(c);
}

static void on_door(void)
{
	struct epoll_event event = {EPOLLIN, {.ptr = NULL}};
	struct connection *c = calloc(1, sizeof *c);
	int yes = 1;

	if (!c)
		die("receivers");
	c->fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	if (c->fd < 0) {
		free(c);
		return;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	event.data.ptr = c;
	if (epoll_ctl(turner, EPOLL_CTL_ADD, c->fd, &event))
		die("epoll");
}

static uint16_t listen_here(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event event = {EPOLLIN, {.ptr = &door}};
	socklen_t size = sizeof at;

	door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (door < 0 || bind(door, (struct sockaddr *)&at, sizeof at) ||
	    listen(door, 4096) ||
	    getsockname(door, (struct sockaddr *)&at, &size) ||
	    epoll_ctl(turner, EPOLL_CTL_ADD, door, &event))
		die("listen");
	return ntohs(at.sin_port);
}

/* ---- turning ------------------------------------------------------------ */

/* Whether stdin has something. */
static bool turn(void)
{
	struct epoll_event got[256];
	int n = epoll_wait(turner, got, 256, 100);
	bool said = false;

	for (int i = 0; i < n; i++) {
		if (!got[i].data.ptr)
			said = true;
		else if (got[i].data.ptr == &door)
			on_door();
		else
			on_readable(got[i].data.ptr);
	}
	return said;
}

static void hang(size_t number)
{
	struct connection *c = held, *next;

	hanging = number;
	for (held = NULL; c; c = next) {
		next = c->next_held;
		c->held = false;
		/* What it asks is still there: it waits for its answer. */
		on_request(c, strstr(c->text, "\r\n\r\n") + 4);
	}
	printf("ok\n");
}

static uint64_t missing(uint64_t seq)
{
	uint64_t all = 0;

	for (size_t i = 0; i < count - hanging; i++) {
		const struct receiver *r = &receivers[i];

		all += r->highest - r->distinct + (r->newest < seq);
	}
	return all;
}

static void print_result(uint64_t seq)
{
	heard_us = now_us();
	while (missing(seq) && now_us() - heard_us < WAIT_S * 1000000ull)
		turn();
	printf("{");
	print_samples(&samples);
	printf("\"messages\":%" PRIu64 ",\"repeated\":%" PRIu64
	       ",\"missing\":%" PRIu64 ",\"seconds\":%.6f}\n",
	       messages, repeated, missing(seq),
	       (double)(last_us - first_us) / 1e6);
}

static void reset(void)
{
	messages = repeated = first_us = last_us = samples.count = 0;
	printf("ok\n");
}

static bool obey(void)
{
	char line[COMMAND_ROOM];
	uint64_t number;

	if (!read_command(line))
		return false;
	if (strcmp(line, "reset\n") == 0)
		reset();
	else if (sscanf(line, "hang %" SCNu64, &number) == 1 && number <= count)
		hang((size_t)number);
	else if (sscanf(line, "result %" SCNu64, &number) == 1)
		print_result(number);
	else
		exit(2);
	return true;
}

int main(int argc, char **argv)
{
	struct epoll_event in = {EPOLLIN, {.ptr = NULL}};

	if (argc != 3) {
		fprintf(stderr, "usage: receivers COUNT CLOCK-FILE\n");
		return 2;
	}
	begin_program();
	allow_files(CONNECTIONS_MAX + FILES_OWN);
	count = parse_count(argv[1], RECEIVERS_MAX);
	shared = clock_open(argv[2]);
	turner = epoll_create1(EPOLL_CLOEXEC);
	if (turner < 0)
		die("epoll");
	printf("%u\n", listen_here());
	epoll_ctl(turner, EPOLL_CTL_ADD, STDIN_FILENO, &in);
	while (!turn() || obey())
		;
	return 0;
}
