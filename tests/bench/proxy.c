/* A recording proxy: passes bytes on as they come and keeps them, with the time
 * when they came. usage: proxy RECORDS PORT KIND [PORT KIND ...]
 *
 * For each PORT of this machine it serves a port of its own, and prints them on
 * one line. KIND is a digit that the records repeat. At SIGTERM it writes
 * RECORDS and ends. A record: milliseconds of CLOCK_MONOTONIC (double),
 * connection (u32), kind (u32), 0 from the client or 1 from the node (u32),
 * length (u32), bytes; little-endian. In C because what it takes counts. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PEERS_MAX = 256, DOORS_MAX = 4 };

/* One side of a connection; the other is peers[i ^ 1]. */
struct peer {
	int fd;
	uint32_t connection, kind;
};

static struct {
	int fd, port;
	uint32_t kind;
} doors[DOORS_MAX];
static size_t doors_count;
static struct peer peers[PEERS_MAX];
static uint32_t connections;
static FILE *records;
static char *kept;
static size_t kept_size;
static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in here(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static int serve(void)
{
	struct sockaddr_in a = here(0);
	socklen_t size = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) ||
	    listen(fd, 64) || getsockname(fd, (struct sockaddr *)&a, &size))
		die("listen");
	printf("%d ", ntohs(a.sin_port));
	return fd;
}

static int dial(int port)
{
	struct sockaddr_in a = here(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	close(fd);
	return -1;
}

static void take_client(int door_fd, int port, uint32_t kind)
{
	int one = 1, client = accept(door_fd, NULL, NULL), node = dial(port);
	size_t i = 0;

	while (i < PEERS_MAX && peers[i].fd >= 0)
		i += 2;
	if (client < 0 || node < 0 || i == PEERS_MAX) {
		close(client);
		close(node);
		return;
	}
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(node, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	peers[i] = (struct peer){client, ++connections, kind};
	peers[i + 1] = (struct peer){node, connections, kind};
}

static void keep(double ms, const struct peer *p, uint32_t side,
		 const char *bytes, size_t size)
{
	const uint32_t head[] = {p->connection, p->kind, side, (uint32_t)size};

	fwrite(&ms, sizeof ms, 1, records);
	fwrite(head, sizeof head, 1, records);
	fwrite(bytes, 1, size, records);
}

static void pass_on(size_t i)
{
	static char bytes[1 << 18];
	struct timespec now;
	ssize_t size = recv(peers[i].fd, bytes, sizeof bytes, 0);
	ssize_t sent = 0;

	clock_gettime(CLOCK_MONOTONIC, &now);
	while (sent < size) {
		ssize_t n = send(peers[i ^ 1].fd, bytes + sent,
				 (size_t)(size - sent), MSG_NOSIGNAL);

		if (n <= 0)
			break;
		sent += n;
	}
	if (size <= 0 || sent < size) {
		close(peers[i].fd);
		close(peers[i ^ 1].fd);
		peers[i].fd = peers[i ^ 1].fd = -1;
		return;
	}
	keep((double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6, &peers[i],
	     i & 1, bytes, (size_t)size);
}

static void turn(void)
{
	struct pollfd fds[PEERS_MAX + DOORS_MAX];

	for (size_t i = 0; i < PEERS_MAX; i++)
		fds[i] = (struct pollfd){peers[i].fd, POLLIN, 0};
	for (size_t i = 0; i < doors_count; i++)
		fds[PEERS_MAX + i] = (struct pollfd){doors[i].fd, POLLIN, 0};
	if (poll(fds, PEERS_MAX + doors_count, -1) <= 0)
		return;
	for (size_t i = 0; i < PEERS_MAX; i++)
		if (fds[i].revents && peers[i].fd == fds[i].fd)
			pass_on(i);
	for (size_t i = 0; i < doors_count; i++)
		if (fds[PEERS_MAX + i].revents)
			take_client(doors[i].fd, doors[i].port, doors[i].kind);
}

int main(int argc, char **argv)
{
	FILE *out;

	if (argc < 4 || argc % 2 || argc > 2 + 2 * DOORS_MAX) {
		fprintf(stderr,
			"usage: proxy RECORDS PORT KIND [PORT KIND ...]\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, on_signal);
	for (size_t i = 0; i < PEERS_MAX; i++)
		peers[i].fd = -1;
	records = open_memstream(&kept, &kept_size);
	for (int i = 2; i < argc; i += 2, doors_count++) {
		doors[doors_count].fd = serve();
		doors[doors_count].port = atoi(argv[i]);
		doors[doors_count].kind = (uint32_t)atoi(argv[i + 1]);
	}
	printf("\n");
	fflush(stdout);
	while (!ended)
		turn();
	fclose(records);
	out = fopen(argv[1], "wb");
	if (!out || fwrite(kept, 1, kept_size, out) != kept_size || fclose(out))
		die(argv[1]);
	return 0;
}
