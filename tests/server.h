/* server - an HTTP server of a test's own, on a thread of its own.
 *
 * It reads requests whole, hands each to the test's answer(), and does what
 * that says. What it heard is counted. */
#ifndef TESTS_SERVER_H
#define TESTS_SERVER_H

#include "tests/test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"

enum server_then {
	SERVER_KEEP,  /* send, and wait for more */
	SERVER_CLOSE, /* send, and close */
	SERVER_HANG,  /* send nothing, wait until the other side is gone */
};

struct server_request {
	const char *head; /* up to the empty line */
	const char *body;
	size_t body_size;
};

/* Append the whole response to @out. In the server's thread. */
typedef enum server_then server_fn(void *arg, const struct server_request *r,
				   struct buf *out);

enum { SERVER_CONNECTIONS = 32 };

struct server {
	server_fn *answer;
	void *arg;
	int port;
	_Atomic unsigned requests, accepted;
	_Atomic unsigned open; /* connections, just now */
	/* Its thread's. */
	int wake[2];
	pthread_t thread;
	struct pollfd fds[2 + SERVER_CONNECTIONS];
	struct buf in[2 + SERVER_CONNECTIONS];
};

static inline void server_drop(struct server *s, int i)
{
	close(s->fds[i].fd);
	s->fds[i].fd = -1;
	buf_free(&s->in[i]);
	atomic_fetch_sub(&s->open, 1);
}

static inline bool server_send(int fd, const struct buf *out)
{
	for (size_t at = 0; at < out->size;) {
		ssize_t n =
			send(fd, out->data + at, out->size - at, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

/* Answer the request that has come whole; false if there is none. */
static inline bool server_answer(struct server *s, int i)
{
	struct buf out = {0};
	char *head = (char *)(uintptr_t)buf_text(&s->in[i]);
	char *end = strstr(head, "\r\n\r\n"), *length;
	struct server_request r = {.head = head};
	enum server_then then;

	if (!end)
		return false;
	length = strcasestr(head, "\r\ncontent-length:");
	r.body = end + 4;
	if (length && length < end)
		r.body_size = strtoul(length + 17, NULL, 10);
	if ((size_t)((uint8_t *)r.body - s->in[i].data) + r.body_size >
	    s->in[i].size)
		return false;
	*end = 0;
	atomic_fetch_add(&s->requests, 1);
	then = s->answer(s->arg, &r, &out);
	buf_clear(&s->in[i]); /* nobody pipelines */
	if (then != SERVER_HANG &&
	    (!server_send(s->fds[i].fd, &out) || then == SERVER_CLOSE))
		server_drop(s, i);
	buf_free(&out);
	return true;
}

static inline void server_read(struct server *s, int i)
{
	char bytes[65536];
	ssize_t n = recv(s->fds[i].fd, bytes, sizeof bytes, 0);

	if (n <= 0) {
		server_drop(s, i);
		return;
	}
	buf_put(&s->in[i], bytes, (size_t)n);
	server_answer(s, i);
}

static inline void server_accept(struct server *s)
{
	int fd = accept(s->fds[1].fd, NULL, NULL);

	atomic_fetch_add(&s->accepted, 1);
	for (int i = 2; i < 2 + SERVER_CONNECTIONS; i++)
		if (s->fds[i].fd < 0) {
			s->fds[i] = (struct pollfd){fd, POLLIN, 0};
			atomic_fetch_add(&s->open, 1);
			return;
		}
	close(fd);
}

static inline void *server_run(void *arg)
{
	struct server *s = arg;

	for (;;) {
		poll(s->fds, 2 + SERVER_CONNECTIONS, -1);
		if (s->fds[0].revents)
			return NULL;
		if (s->fds[1].revents)
			server_accept(s);
		for (int i = 2; i < 2 + SERVER_CONNECTIONS; i++)
			if (s->fds[i].fd >= 0 && s->fds[i].revents)
				server_read(s, i);
	}
}

static inline void server_start(struct server *s, server_fn *answer, void *arg)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(s, 0, sizeof *s);
	s->answer = answer;
	s->arg = arg;
	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	s->port = ntohs(at.sin_port);
	assert_int_equal(pipe(s->wake), 0);
	for (int i = 0; i < 2 + SERVER_CONNECTIONS; i++)
		s->fds[i] = (struct pollfd){-1, POLLIN, 0};
	s->fds[0].fd = s->wake[0];
	s->fds[1].fd = fd;
	assert_int_equal(pthread_create(&s->thread, NULL, server_run, s), 0);
}

/* Close every connection; whoever connects later is refused. */
static inline void server_stop(struct server *s)
{
	if (!s->answer)
		return;
	assert_int_equal(write(s->wake[1], "", 1), 1);
	pthread_join(s->thread, NULL);
	for (int i = 2; i < 2 + SERVER_CONNECTIONS; i++)
		if (s->fds[i].fd >= 0)
			server_drop(s, i);
	close(s->fds[1].fd);
	close(s->wake[0]);
	close(s->wake[1]);
	s->answer = NULL;
}

/* A response with a body of its own length. */
static inline void server_respond(struct buf *out, const char *status,
				  const char *headers, const void *body,
				  size_t body_size)
{
	buf_printf(out, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status,
		   body_size, headers);
	buf_put(out, body, body_size);
}

#endif /* TESTS_SERVER_H */
