/* The loop holds back SIGINT (it reads it from a descriptor); while a person
 * types it has to arrive. */
#include "services/kalypso/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

static bool shown; /* a line of progress is there */

bool cli_can_ask(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static void on_interrupt(int number)
{
	(void)number; /* read() ends with EINTR, that is all */
}

/* What was in force before. */
struct attention {
	sigset_t mask;
	struct sigaction action;
};

static void listen_to_interrupts(struct attention *before)
{
	struct sigaction action = {.sa_handler = on_interrupt};
	sigset_t interrupt;

	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigaction(SIGINT, &action, &before->action);
	sigprocmask(SIG_UNBLOCK, &interrupt, &before->mask);
}

static void stop_listening(const struct attention *before)
{
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
	sigaction(SIGINT, &before->action, NULL);
}

/* A line without its end, byte by byte: what follows stays where it is. */
static bool read_line(int fd, char *out, size_t room)
{
	size_t size = 0;
	ssize_t n;
	char c;

	while ((n = read(fd, &c, 1)) == 1 && c != '\n')
		if (size + 1 < room)
			out[size++] = c;
		else
			return false;
	out[size] = 0;
	return n == 1 || (n == 0 && size > 0);
}

bool cli_ask_yes(const char *question)
{
	struct attention before;
	char answer[16];
	bool read;

	cli_progress_clear();
	fprintf(stderr, "%s [y/N] ", question);
	listen_to_interrupts(&before);
	read = read_line(STDIN_FILENO, answer, sizeof answer);
	stop_listening(&before);
	if (!read)
		fputc('\n', stderr);
	return read &&
	       (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0);
}

bool cli_ask_password(char *out, size_t room, const char *question)
{
	struct attention before;
	struct termios shown_mode, hidden;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	bool read;

	if (fd < 0 || tcgetattr(fd, &shown_mode)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	hidden = shown_mode;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	listen_to_interrupts(&before);
	tcsetattr(fd, TCSAFLUSH, &hidden); /* what was typed before is lost */
	dprintf(fd, "%s: ", question);
	read = read_line(fd, out, room);
	tcsetattr(fd, TCSAFLUSH, &shown_mode);
	stop_listening(&before);
	dprintf(fd, "\n");
	close(fd);
	return read;
}

void cli_progress(const char *format, ...)
{
	va_list args;

	if (!isatty(STDERR_FILENO))
		return;
	va_start(args, format);
	fputs("\r\033[K", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	fflush(stderr);
	shown = true;
}

void cli_progress_clear(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
}
