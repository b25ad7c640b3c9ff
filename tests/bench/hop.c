/* What a hop over the bus takes, from one process to another: over a socket
 * file, TCP, and TCP under CURVE, by turns in one run.
 *
 * usage: hop FOLDER TCP-PORT CURVE-PORT      FOLDER: of `kalypso keys make`
 */
#include <inttypes.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/be.h"
#include "common/bus.h"
#include "common/metric.h"
#include "tests/bench/figure.h"

enum { WAYS = 3, SAMPLES = 2000, EVERY_MS = 2, BODY_BYTES = 200, PATHS = 300 };

static const char *const names[WAYS] = {"ipc", "tcp", "curve"};

static struct {
	struct loop *loop;
	char at[WAYS][PATHS], key[2][PATHS], allow[PATHS];
	struct bus_config config[WAYS];
	struct bus_out *out[WAYS];
	struct bus_in *in[WAYS];
	double us[WAYS][SAMPLES];
	size_t count[WAYS];
	unsigned turn;
	pid_t reader;
} hop;

/* ---- the reader --------------------------------------------------------- */

static void hear(void *arg, uint64_t epoch, const struct entry *entry)
{
	size_t way = (size_t)epoch;
	double us;

	(void)arg;
	us = now_s() * 1e6 - (double)be64_at(entry->body.data) / 1e3;
	if (hop.count[way] < SAMPLES)
		hop.us[way][hop.count[way]++] = us;
	for (size_t i = 0; i < WAYS; i++)
		if (hop.count[i] < SAMPLES)
			return;
	loop_stop(hop.loop);
}

static void drained(void *arg)
{
	(void)arg;
}

static int read_all(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(loop_new(&hop.loop));
	must(bus_keys_open(&hop.config[2].keys, "matcher", hop.key[1],
			   hop.allow));
	for (size_t i = 0; i < WAYS; i++)
		must(bus_in_open(&hop.in[i], hop.loop, &hop.config[i],
				 "orderbook", hear, drained, NULL));
	loop_run(hop.loop);
	for (size_t i = 0; i < WAYS; i++)
		printf("%s_hop_us %.1f us\n", names[i],
		       median(hop.us[i], SAMPLES));
	for (size_t i = 0; i < WAYS; i++)
		bus_in_close(&hop.in[i]);
	bus_keys_close(&hop.config[2].keys);
	loop_free(&hop.loop);
	return 0;
}

/* ---- the writer --------------------------------------------------------- */

static void ring(void *arg)
{
	unsigned way = hop.turn++ % WAYS;
	uint8_t body[BODY_BYTES] = {0};
	struct entry entry = {
		.number = hop.turn, .type = 1, .body = {body, sizeof body}};

	(void)arg;
	if (waitpid(hop.reader, NULL, WNOHANG) != 0)
		loop_stop(hop.loop);
	be64_put(body, (uint64_t)(now_s() * 1e9));
	bus_ring(hop.out[way], way, &entry, false);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: hop FOLDER TCP-PORT CURVE-PORT\n");
		return 2;
	}
	snprintf(hop.at[0], PATHS, "ipc://%s/bus", argv[1]);
	snprintf(hop.at[1], PATHS, "tcp://127.0.0.1:%s", argv[2]);
	snprintf(hop.at[2], PATHS, "tcp://127.0.0.1:%s", argv[3]);
	snprintf(hop.key[0], PATHS, "%s/orderbook.key", argv[1]);
	snprintf(hop.key[1], PATHS, "%s/matcher.key", argv[1]);
	snprintf(hop.allow, PATHS, "%s/public", argv[1]);
	for (size_t i = 0; i < WAYS; i++)
		hop.config[i] =
			(struct bus_config){.at = hop.at[i], .instances = "a"};
	/* Before there are sockets and threads. */
	hop.reader = fork();
	if (hop.reader == 0)
		return read_all();
	must(loop_new(&hop.loop));
	must(bus_keys_open(&hop.config[2].keys, "orderbook", hop.key[0],
			   hop.allow));
	for (size_t i = 0; i < WAYS; i++) {
		must(bus_out_open(&hop.out[i], &hop.config[i], "orderbook",
				  "a"));
		bus_out_watch(hop.out[i], hop.loop);
	}
	loop_timer(hop.loop, EVERY_MS, false, ring, NULL);
	loop_run(hop.loop);
	for (size_t i = 0; i < WAYS; i++)
		bus_out_close(&hop.out[i]);
	bus_keys_close(&hop.config[2].keys);
	loop_free(&hop.loop);
	return 0;
}
