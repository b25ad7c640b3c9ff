/* One GET to our own admin port, and its first line. */
#include "common/frame_health.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/frame_options.h"

enum { PATIENCE_S = 3, ANSWER_ROOM = 2048 };

#define COMMAND "healthcheck"
#define SUMMARY                                                                \
	"Asks the service that runs here with the same options whether it is " \
	"ready, prints what it says, and exits with 0 if it is, else with 1."

struct health_options {
	bool live;
};

static const struct conf_row health_rows[] = {
	{"live", CONF_FLAG, offsetof(struct health_options, live), "false", "",
	 "ask whether it is alive: a standby is, and whoever waits for Redis"},
	{0}};

bool frame_health_wanted(int argc, char **argv)
{
	return argc > 1 && strcmp(argv[1], COMMAND) == 0;
}

/* A connection to @host and @port; -1 with errno. */
static int reach(const char *host, uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(port)};
	struct timeval patience = {.tv_sec = PATIENCE_S};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (inet_pton(AF_INET, host, &at.sin_addr) != 1)
		errno = EINVAL;
	else if (fd >= 0 &&
		 !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			     sizeof patience) &&
		 !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
			     sizeof patience) &&
		 !connect(fd, (struct sockaddr *)&at, sizeof at))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* What it answers to GET @path, as text; false with errno, 0 if it hung up. */
static bool ask(int fd, const char *path, char out[ANSWER_ROOM])
{
	size_t size = 0;
	ssize_t n = dprintf(fd,
			    "GET %s HTTP/1.1\r\nHost: localhost\r\n"
			    "Connection: close\r\n\r\n",
			    path);

	while (n > 0 && size < ANSWER_ROOM - 1) {
		n = recv(fd, out + size, ANSWER_ROOM - 1 - size, 0);
		size += n > 0 ? (size_t)n : 0;
	}
	out[size] = 0;
	if (n == 0)
		errno = 0;
	return n >= 0 && size;
}

/* The first line of the answer's body. */
static char *first_line(char *answer)
{
	char *body = strstr(answer, "\r\n\r\n");

	body = body ? body + 4 : answer;
	body[strcspn(body, "\r\n")] = 0;
	for (char *p = body; *p; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	return body;
}

int frame_health(const struct service *service, int argc, char **argv)
{
	struct health_options health;
	struct frame_options options;
	const struct conf_table own = {health_rows, &health};
	char answer[ANSWER_ROOM];
	const char *host;
	unsigned status = 0;
	int fd;
	bool ok;

	/* What follows the command; argv[1] stands for the program then. */
	if (frame_options_read_few(&options, service->name, SUMMARY, own,
				   argc - 1, argv + 1))
		return EXIT_STOPPED;
	if (!options.admin_port || options.admin_port > 65535) {
		printf("%s: " COMMAND " can't know the port: give --admin-port "
		       "to it and to the service, or set KALYPSO_ADMIN_PORT\n",
		       service->name);
		return EXIT_STOPPED;
	}
	host = strcmp(options.admin_host, "0.0.0.0") ? options.admin_host
						     : "127.0.0.1";
	fd = reach(host, (uint16_t)options.admin_port);
	ok = fd >= 0 && ask(fd, health.live ? "/livez" : "/readyz", answer);
	if (!ok)
		printf("%s: nothing answers at %s:%u: %s\n", service->name,
		       host, (unsigned)options.admin_port,
		       errno == EAGAIN ? "too slow"
		       : errno	       ? strerror(errno)
				       : "it hung up");
	else
		printf("%s: %s\n", service->name,
		       sscanf(answer, "HTTP/1.1 %3u", &status) == 1
			       ? first_line(answer)
			       : "what answers there is no service");
	if (fd >= 0)
		close(fd);
	return ok && status == 200 ? EXIT_OK : EXIT_STOPPED;
}
