/* zloop, with handlers that return nothing and timers that are objects. */
#include "common/loop.h"

#include <czmq.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <uthash.h>

enum { STOP = -1 };

/* zloop may call a timer once more after it was ended: it is then in use again,
 * under another id, or free with id 0. So timers are kept for the next one
 * instead of freed. */
struct loop_timer {
	int id;
	bool once;
	struct loop *loop;
	loop_fn *fn;
	void *arg;
	struct loop_timer *next; /* while free */
	struct loop_timer *made_before;
};

struct watch {
	int fd;
	void *socket;
	zmq_pollitem_t item;
	struct loop *loop;
	loop_fd_fn *on_fd;
	loop_fn *on_socket;
	void *arg;
	UT_hash_handle hh;
};

struct loop {
	zloop_t *zloop;
	struct watch *fds;
	struct watch *sockets;
	struct loop_timer *timers; /* all, the newest first */
	struct loop_timer *free_timers;
	int signals;
	bool stopped;
};

static int verdict(const struct loop *l)
{
	return l->stopped ? STOP : 0;
}

static void on_signal(void *arg, int fd, int events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(fd, &info, sizeof info) > 0)
		loop_stop(arg);
}

enum err loop_new(struct loop **out)
{
	struct loop *l = calloc(1, sizeof *l);
	sigset_t stop;

	if (!l)
		return ERR_NO_MEMORY;
	zsys_handler_set(NULL); /* signals are ours */
	signal(SIGPIPE, SIG_IGN);
	l->zloop = zloop_new();
	if (!l->zloop) {
		free(l);
		return ERR_NO_MEMORY;
	}
	zloop_set_nonstop(l->zloop, true);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	/* Threads started from now on inherit the mask. */
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	l->signals = signalfd(-1, &stop, SFD_NONBLOCK | SFD_CLOEXEC);
	if (l->signals >= 0)
		loop_fd(l, l->signals, LOOP_READ, on_signal, l);
	*out = l;
	return ERR_NONE;
}

static void free_watches(struct watch **head)
{
	struct watch *w, *tmp;

	HASH_ITER (hh, *head, w, tmp) {
		HASH_DEL(*head, w);
		free(w);
	}
}

void loop_free(struct loop **loop)
{
	struct loop *l = *loop;

	if (!l)
		return;
	zloop_destroy(&l->zloop);
	free_watches(&l->fds);
	free_watches(&l->sockets);
	while (l->timers) {
		struct loop_timer *t = l->timers;

		l->timers = t->made_before;
		free(t);
	}
	if (l->signals >= 0)
		close(l->signals);
	free(l);
	*loop = NULL;
}

void loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped && zloop_start(loop->zloop) == 0)
		; /* interrupted by a signal that is not ours: go on */
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

static void release(struct loop_timer *t)
{
	t->id = 0;
	t->next = t->loop->free_timers;
	t->loop->free_timers = t;
}

static int on_timer(zloop_t *z, int id, void *arg)
{
	struct loop_timer *t = arg;
	struct loop *l = t->loop;
	loop_fn *fn = t->fn;
	void *fn_arg = t->arg;

	(void)z;
	if (t->id != id)
		return verdict(l); /* cancelled while it was due */
	if (t->once)
		release(t);
	fn(fn_arg);
	return verdict(l);
}

struct loop_timer *loop_timer(struct loop *loop, unsigned ms, bool once,
			      loop_fn *fn, void *arg)
{
	struct loop_timer *t = loop->free_timers;

	if (t) {
		loop->free_timers = t->next;
	} else {
		t = calloc(1, sizeof *t);
		if (!t)
			return NULL;
		t->made_before = loop->timers;
		loop->timers = t;
	}
	t->once = once;
	t->loop = loop;
	t->fn = fn;
	t->arg = arg;
	t->id = zloop_timer(loop->zloop, ms ? ms : 1, once ? 1 : 0, on_timer,
			    t);
	return t;
}

void loop_timer_cancel(struct loop *loop, struct loop_timer **timer)
{
	if (!*timer)
		return;
	zloop_timer_end(loop->zloop, (*timer)->id);
	release(*timer);
	*timer = NULL;
}

static int on_item(zloop_t *z, zmq_pollitem_t *item, void *arg)
{
	struct watch *w = arg;
	struct loop *l = w->loop;
	int events = (item->revents & ZMQ_POLLIN ? LOOP_READ : 0) |
		     (item->revents & ZMQ_POLLOUT ? LOOP_WRITE : 0) |
		     (item->revents & ZMQ_POLLERR ? LOOP_READ : 0);

	(void)z;
	w->on_fd(w->arg, w->fd, events);
	return verdict(l);
}

void loop_fd(struct loop *loop, int fd, int events, loop_fd_fn *fn, void *arg)
{
	struct watch *w;

	HASH_FIND_INT(loop->fds, &fd, w);
	if (w) {
		zloop_poller_end(loop->zloop, &w->item);
		HASH_DEL(loop->fds, w);
		free(w);
	}
	if (!events)
		return;
	w = calloc(1, sizeof *w);
	if (!w)
		return;
	*w = (struct watch){.fd = fd, .loop = loop, .on_fd = fn, .arg = arg};
	w->item.fd = fd;
	w->item.events =
		(short)((events & LOOP_READ ? ZMQ_POLLIN | ZMQ_POLLERR : 0) |
			(events & LOOP_WRITE ? ZMQ_POLLOUT : 0));
	HASH_ADD_INT(loop->fds, fd, w);
	zloop_poller(loop->zloop, &w->item, on_item, w);
	zloop_poller_set_tolerant(loop->zloop, &w->item);
}

static int on_readable(zloop_t *z, zsock_t *socket, void *arg)
{
	struct watch *w = arg;
	struct loop *l = w->loop;

	(void)z;
	(void)socket;
	w->on_socket(w->arg);
	return verdict(l);
}

void loop_socket(struct loop *loop, void *zsock, loop_fn *fn, void *arg)
{
	struct watch *w;

	HASH_FIND_PTR(loop->sockets, &zsock, w);
	if (w) {
		zloop_reader_end(loop->zloop, zsock);
		HASH_DEL(loop->sockets, w);
		free(w);
	}
	if (!fn)
		return;
	w = calloc(1, sizeof *w);
	if (!w)
		return;
	*w = (struct watch){
		.socket = zsock, .loop = loop, .on_socket = fn, .arg = arg};
	HASH_ADD_PTR(loop->sockets, socket, w);
	zloop_reader(loop->zloop, zsock, on_readable, w);
	zloop_reader_set_tolerant(loop->zloop, zsock);
}
