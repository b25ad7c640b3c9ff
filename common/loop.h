/* loop - one thread's reactor: sockets, file descriptors, timers, signals.
 *
 * czmq's zloop under our own names, so that few files need czmq.h. A handler
 * runs to its end before the next; none may block for long. All handlers are
 * called from loop_run(). */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdbool.h>

#include "common/err.h"

struct loop;
struct loop_timer;

typedef void loop_fn(void *arg);
/* @events: what is ready, LOOP_READ and LOOP_WRITE. */
typedef void loop_fd_fn(void *arg, int fd, int events);

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

/* ERR_NO_MEMORY */
NODISCARD enum err loop_new(struct loop **out);
/* Timers and descriptors that are left go with it. */
void loop_free(struct loop **loop);

/* Turn until loop_stop(), SIGTERM or SIGINT. */
void loop_run(struct loop *loop);

/* Leave loop_run() after this handler. */
void loop_stop(struct loop *loop);

/* Call @fn every @ms milliseconds, or once if @once. The timer is gone before
 * its only call, or with loop_timer_cancel(), which clears the pointer. NULL if
 * memory ran out. */
struct loop_timer *loop_timer(struct loop *loop, unsigned ms, bool once,
			      loop_fn *fn, void *arg);
void loop_timer_cancel(struct loop *loop, struct loop_timer **timer);

/* Call @fn when @fd is ready for @events; replaces what was watched on it.
 * @events 0 stops watching. */
void loop_fd(struct loop *loop, int fd, int events, loop_fd_fn *fn, void *arg);

/* Call @fn when the ZeroMQ socket (zsock_t *) has something to read; NULL
 * stops. The handler reads what is there, at most a bounded number. */
void loop_socket(struct loop *loop, void *zsock, loop_fn *fn, void *arg);

#endif /* COMMON_LOOP_H */
