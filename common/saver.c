/* A fork, its watch, and what is known of snapshots. */
#include "common/saver.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/collapse.h"
#include "common/log.h"
#include "common/metric.h"

enum { LOOK_MS = 1000, STEP_MS = 2, COPY_NICE = 10 };

static struct metric written =
	METRIC(COUNTER, "snapshot_written_total", "snapshots written");
static struct metric failed =
	METRIC(COUNTER, "snapshot_failed_total",
	       "snapshots that could not be written; tried again");
static struct metric pause_time =
	METRIC(HISTOGRAM, "snapshot_pause_seconds",
	       "time that the service stood still for a snapshot");
static struct metric write_time =
	METRIC(HISTOGRAM, "snapshot_write_seconds",
	       "time from a snapshot's beginning to its end");
static struct metric age =
	METRIC(GAUGE, "snapshot_age_seconds",
	       "since the newest snapshot was written, or the service began");

struct saver {
	struct frame *frame;
	struct loop_timer *look, *steps;
	struct collapse pages;
	bool prepared; /* for the next fork */
	pid_t copy;    /* 0: none */
	int watch;     /* pidfd of it */
	struct snapshot at;
	uint64_t saved;		       /* input entry of the newest snapshot */
	uint64_t began_us, settled_us; /* the copy; the newest snapshot */
	uint64_t failed_us;	       /* 0: the newest attempt didn't */
};

/* ---- in the copy -------------------------------------------------------- */

/* Nothing that is shared with the process may be touched. */
static void cut_off(pid_t parent)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_STOPPED); /* it is gone already */
	syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpriority(PRIO_PROCESS, 0, COPY_NICE);
}

static enum err write_with(struct store *store, const struct frame *f,
			   struct snapshot *at, saver_fn *save, void *arg)
{
	struct store_writer w = frame_writer(f);
	enum err e = save(arg, &at->state);

	if (!e)
		e = store_snapshot_write(store, &w, at);
	if (!e)
		log_info("snapshot.written", "input=%" PRIu64 " bytes=%zu",
			 at->input, at->state.size);
	return e;
}

static enum err write_apart(const struct frame *f, struct snapshot *at,
			    saver_fn *save, void *arg)
{
	const struct market_options *m = &f->market;
	struct store *store;
	enum err e = store_open(&store, m->redis, m->name, m->redis_password,
				(unsigned)m->redis_timeout);

	return e ? e : write_with(store, f, at, save, arg);
}

/* ---- in the process ----------------------------------------------------- */

static void fail(struct saver *s, const char *why)
{
	s->failed_us = metric_now_us();
	metric_add(&failed, 1);
	log_warn("snapshot.failed",
		 "input=%" PRIu64 " why=\"%s\" text=\"the one before stands; "
		 "it is tried again\"",
		 s->at.input, why);
}

static void succeed(struct saver *s)
{
	s->failed_us = 0;
	s->settled_us = metric_now_us();
	s->saved = s->at.input;
	metric_add(&written, 1);
}

static void let_go(struct saver *s)
{
	if (s->watch >= 0) {
		loop_fd(s->frame->loop, s->watch, 0, NULL, NULL);
		close(s->watch);
	}
	s->watch = -1;
	s->copy = 0;
}

static void kill_copy(struct saver *s)
{
	if (!s->copy)
		return;
	kill(s->copy, SIGKILL);
	waitpid(s->copy, NULL, 0);
	let_go(s);
}

static void on_ended(void *arg, int fd, int events)
{
	struct saver *s = arg;
	int status = 0;
	pid_t copy = s->copy;

	(void)fd;
	(void)events;
	let_go(s);
	while (waitpid(copy, &status, 0) < 0 && errno == EINTR)
		;
	metric_observe_us(&write_time, metric_now_us() - s->began_us);
	if (WIFSIGNALED(status))
		fail(s, strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		fail(s, err_text((enum err)WEXITSTATUS(status)));
	else
		succeed(s);
}

static void on_look(void *arg)
{
	struct saver *s = arg;
	uint64_t now = metric_now_us();

	metric_set(&age, (int64_t)((now - s->settled_us) / 1000000));
	if (s->copy && now - s->began_us > SAVER_PATIENCE_S * 1000000ULL)
		kill(s->copy, SIGKILL); /* and on_ended() */
}

enum err saver_new(struct saver **out, struct frame *frame,
		   const struct snapshot *newest)
{
	struct saver *s = calloc(1, sizeof *s);

	*out = s;
	if (!s)
		return ERR_NO_MEMORY;
	metric_register(&written);
	metric_register(&failed);
	metric_register(&pause_time);
	metric_register(&write_time);
	metric_register(&age);
	*s = (struct saver){.frame = frame,
			    .watch = -1,
			    .saved = newest->input,
			    .settled_us = metric_now_us()};
	s->look = loop_timer(frame->loop, LOOK_MS, false, on_look, s);
	return ERR_NONE;
}

void saver_free(struct saver **saver)
{
	struct saver *s = *saver;

	if (!s)
		return;
	kill_copy(s);
	loop_timer_cancel(s->frame->loop, &s->look);
	loop_timer_cancel(s->frame->loop, &s->steps);
	free(s);
	*saver = NULL;
}

static void on_step(void *arg)
{
	struct saver *s = arg;

	s->prepared = !collapse_step(&s->pages);
	if (s->prepared)
		loop_timer_cancel(s->frame->loop, &s->steps);
}

/* Most processes have nothing that is worth a timer. */
static void prepare(struct saver *s)
{
	collapse_begin(&s->pages);
	s->prepared = !collapse_step(&s->pages);
	if (!s->prepared)
		s->steps =
			loop_timer(s->frame->loop, STEP_MS, false, on_step, s);
}

bool saver_is_ready(struct saver *s)
{
	if (s->copy || (s->failed_us && metric_now_us() - s->failed_us <=
						SAVER_RETRY_S * 1000000ULL))
		return false;
	if (!s->prepared && !s->steps)
		prepare(s);
	return !s->steps;
}

void saver_begin(struct saver *s, const struct snapshot *at, saver_fn *save,
		 void *arg)
{
	pid_t parent = getpid(), copy;
	uint64_t pause_us;

	s->at = (struct snapshot){at->epoch, at->input, at->output, {0}};
	s->began_us = metric_now_us();
	s->prepared = false;
	copy = fork();
	if (copy == 0) {
		cut_off(parent);
		_exit((int)write_apart(s->frame, &s->at, save, arg));
	}
	pause_us = metric_now_us() - s->began_us;
	metric_observe_us(&pause_time, pause_us);
	if (copy < 0) {
		fail(s, strerror(errno));
		return;
	}
	log_info("snapshot.begun",
		 "input=%" PRIu64 " copy=%d pause_us=%" PRIu64, at->input,
		 (int)copy, pause_us);
	s->copy = copy;
	s->watch = (int)syscall(SYS_pidfd_open, copy, 0);
	if (s->watch >= 0) {
		loop_fd(s->frame->loop, s->watch, LOOP_READ, on_ended, s);
		return;
	}
	/* Nobody would tell us of its end. */
	fail(s, strerror(errno));
	kill_copy(s);
}

void saver_write_now(struct saver *s, const struct snapshot *at, saver_fn *save,
		     void *arg)
{
	enum err e;

	kill_copy(s);
	s->at = (struct snapshot){at->epoch, at->input, at->output, {0}};
	e = write_with(s->frame->store, s->frame, &s->at, save, arg);
	buf_free(&s->at.state);
	if (e)
		fail(s, err_text(e));
	else
		succeed(s);
}

uint64_t saver_saved(const struct saver *s)
{
	return s->saved;
}

void saver_status(const struct saver *s, struct status *out)
{
	status_number(out, "snapshot", s->saved);
	status_number(out, "snapshot_age_s",
		      (metric_now_us() - s->settled_us) / 1000000);
	status_text(out, "snapshot_state",
		    s->copy	   ? "being written"
		    : s->failed_us ? "failed"
				   : "");
}
