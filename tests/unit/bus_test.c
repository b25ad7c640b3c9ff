/* What the bus promises beyond one machine: addresses, and under CURVE only
 * those hear it who may. */
#include "tests/test.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <czmq.h>

#include "common/be.h"
#include "common/buf.h"
#include "common/bus.h"
#include "common/crc32c.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/protocol.h"

enum { PATH_ROOM = 128, EARS = 6, EPOCH = 5, BOUND_US = 60 * 1000 * 1000 };

/* ---- addresses ---------------------------------------------------------- */

static void leads(const char *at, const char *want)
{
	char endpoint[BUS_ENDPOINT_ROOM];

	bus_endpoint(endpoint, at, "matcher", "b");
	assert_string_equal(endpoint, want);
}

static void an_address_is_a_pattern_or_a_list_of_them(void **state)
{
	char longer[400];

	(void)state;
	leads("ipc:///run/%", "ipc:///run/matcher.b");
	leads("ipc:///run/%.bus", "ipc:///run/matcher.b.bus");
	leads("tcp://%s-%i.%s:7000", "tcp://matcher-b.matcher:7000");
	leads("ipc:///run/a=b/%", "ipc:///run/a=b/matcher.b");
	leads("tcp://x:1,matcher=tcp://y:2,matcher.b=tcp://z:3", "tcp://z:3");
	leads("matcher.b=tcp://z:3,tcp://x:1,matcher=tcp://y:2", "tcp://z:3");
	leads("matcher.a=tcp://z:3,matcher=tcp://y:2,tcp://x:1", "tcp://y:2");
	leads("match=tcp://y:2,tcp://%:1", "tcp://matcher.b:1");
	leads("orderbook=tcp://y:2", "");
	leads("", "");
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = 0;
	leads(longer, "");
}

static void who_says_nothing_needs_no_address(void **state)
{
	struct bus_config c = {.instances = "a",
			       .at = "chain-indexer=tcp://127.0.0.1:7001,"
				     "orderbook=tcp://127.0.0.1:7002,"
				     "matcher=tcp://127.0.0.1:7003,"
				     "task-publisher=tcp://127.0.0.1:7004,"
				     "slasher-watcher=tcp://127.0.0.1:7005"};

	(void)state;
	assert_err(bus_check(&c, "webhook-gateway", "a"), ERR_NONE);
	assert_err(bus_check(&c, "matcher", "a"), ERR_NONE);
	c.at = "chain-indexer=tcp://127.0.0.1:7001,"
	       "orderbook=tcp://127.0.0.1:7002";
	assert_err(bus_check(&c, "matcher", "a"), ERR_CONFIG);
}

static enum err check(const char *at, const char *bind, bool open)
{
	struct bus_config c = {
		.at = at, .bind = bind, .instances = "a,b", .open = open};

	return bus_check(&c, "matcher", "b");
}

static void beyond_this_machine_it_is_protected_or_not_opened(void **state)
{
	static const char *const refused[] = {
		"tcp://10.0.0.1:7000", "tcp://0.0.0.0:7000",
		"tcp://*:7000",	       "tcp://%:7000",
		"tcp://localhost:1",   "tcp://128.0.0.1:1",
		"tcp://127.evil.com:1"};

	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		assert_err(check(refused[i], "", false), ERR_CONFIG);
		assert_err(check(refused[i], "", true), ERR_NONE);
		assert_err(check("ipc:///run/%", refused[i], false),
			   ERR_CONFIG);
	}
	assert_err(check("ipc:///run/%", NULL, false), ERR_NONE);
	assert_err(check("tcp://127.0.0.1:7000", "", false), ERR_NONE);
	assert_err(check("udp://10.0.0.1:7000", "", true), ERR_CONFIG);
	/* Of those that it hears, and of itself, there has to be one. */
	assert_err(check("matcher=ipc:///m,orderbook.a=ipc:///o", "", false),
		   ERR_CONFIG);
	assert_err(check("orderbook=ipc:///o", "", false), ERR_CONFIG);
	assert_err(check("orderbook=ipc:///o", "ipc:///m", false), ERR_NONE);
	assert_err(check("orderbook=tcp://10.0.0.1:1", "ipc:///m", false),
		   ERR_CONFIG);
	assert_err(check("matcher=ipc:///m,orderbook=ipc:///o,chain-indexer="
			 "tcp://10.0.0.1:1",
			 "", false),
		   ERR_NONE);
}

/* ---- keys --------------------------------------------------------------- */

static char folder[] = "/tmp/kalypso-bus-XXXXXX";
static const char *const services[] = {"chain-indexer",	  "orderbook",
				       "matcher",	  "task-publisher",
				       "slasher-watcher", "webhook-gateway"};
enum { SERVICES = sizeof services / sizeof *services };

static const char *path_of(const char *name)
{
	static char paths[4][PATH_ROOM];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, PATH_ROOM, "%s/%s", folder, name);
	return path;
}

/* A pair, its secret in NAME.key. */
static struct bus_pair make_key(const char *name)
{
	char file[PATH_ROOM], why[BUS_WHY_ROOM];
	struct bus_pair pair;

	assert_err(bus_pair_make(&pair), ERR_NONE);
	snprintf(file, sizeof file, "%s.key", name);
	assert_err(bus_pair_write(&pair, true, path_of(file), true, why),
		   ERR_NONE);
	return pair;
}

static void publish(const struct bus_pair *pair, const char *in, const char *as)
{
	char file[PATH_ROOM], why[BUS_WHY_ROOM];

	snprintf(file, sizeof file, "%s/%s.pub", in, as);
	assert_err(bus_pair_write(pair, false, path_of(file), true, why),
		   ERR_NONE);
}

static struct bus_keys *open_keys(const char *service, const char *name,
				  const char *in)
{
	/* What keys borrow; with room for all of a test. */
	static char paths[16][2][PATH_ROOM];
	static unsigned used;
	char(*p)[PATH_ROOM] = paths[used++ % 16];
	struct bus_keys *keys;

	snprintf(p[0], PATH_ROOM, "%s/%s.key", folder, name);
	snprintf(p[1], PATH_ROOM, "%s/%s", folder, in);
	assert_err(bus_keys_open(&keys, service, p[0], p[1]), ERR_NONE);
	return keys;
}

static int begin(void **state)
{
	(void)state;
	log_open("test", LEVEL_ERROR + 1, false);
	return mkdtemp(folder) && !mkdir(path_of("public"), 0700) &&
			       !mkdir(path_of("foreign"), 0700) &&
			       !mkdir(path_of("astray"), 0700)
		       ? 0
		       : -1;
}

static int end(void **state)
{
	char command[PATH_ROOM];

	(void)state;
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

static void a_key_is_written_once_and_read_back(void **state)
{
	char why[BUS_WHY_ROOM];
	struct bus_pair pair = make_key("pair"), back;
	struct stat st;

	(void)state;
	assert_err(bus_pair_read(&back, path_of("pair.key"), why), ERR_NONE);
	assert_memory_equal(&back, &pair, sizeof pair);
	assert_int_equal(stat(path_of("pair.key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_err(bus_pair_write(&pair, true, path_of("pair.key"), false, why),
		   ERR_EXISTS);
	assert_err(
		bus_pair_write(&pair, false, path_of("pair.pub"), false, why),
		ERR_NONE);
	assert_err(bus_pair_read(&back, path_of("pair.pub"), why), ERR_NONE);
	assert_false(back.has_secret);
	assert_memory_equal(back.public, pair.public, BUS_KEY_SIZE);
	assert_int_equal(access(path_of("pair.key.new"), F_OK), -1);
	assert_int_equal(access(path_of("pair.pub.new"), F_OK), -1);
	chmod(path_of("pair.key"), 0644);
	assert_err(bus_pair_read(&back, path_of("pair.key"), why), ERR_CONFIG);
	assert_non_null(strstr(why, "chmod 600"));
}

static void what_is_no_key_is_refused(void **state)
{
	static const char key[] = "0123456789012345678901234567890123456789";
	const char *const texts[] = {"",
				     "hello",
				     "curve",
				     "\n\n = \n\"",
				     "curve\n    public-key = \"123\"\n",
				     "curve\n    public-key = \"%s,\"\n",
				     "curve\n    public-key = \"%s\"\n"
				     "    secret-key = \"%s\"\n"};
	char why[BUS_WHY_ROOM];
	struct bus_pair pair;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		FILE *f = fopen(path_of("bad"), "w");

		assert_non_null(f);
		fchmod(fileno(f), 0600);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		fprintf(f, texts[i], key, key);
#pragma GCC diagnostic pop
		fclose(f);
		assert_err(bus_pair_read(&pair, path_of("bad"), why),
			   ERR_CONFIG);
	}
	assert_err(bus_pair_read(&pair, path_of("nowhere"), why), ERR_CONFIG);
	assert_err(bus_pair_read(&pair, folder, why), ERR_CONFIG);
}

/* ---- who hears ---------------------------------------------------------- */

struct ear {
	struct bus_config config;
	struct bus_in *in;
	unsigned heard;
};

static struct {
	struct loop *loop;
	struct bus_config config;
	struct bus_out *out;
	struct ear ears[EARS];
	struct loop_timer *beats;
	bool unbound;
	bool (*over)(void);
	uint64_t began_us;
} scene;

static void hear(void *arg, uint64_t epoch, const struct entry *entry)
{
	struct ear *ear = arg;

	assert_int_equal(epoch, EPOCH);
	assert_int_equal(entry->number, 7);
	ear->heard++;
}

static void drained(void *arg)
{
	(void)arg;
}

static void beat(void *arg)
{
	(void)arg;
	if (scene.unbound)
		scene.unbound = !bus_out_renew(scene.out);
	bus_beat(scene.out, EPOCH, 7);
	if (scene.over() || metric_now_us() - scene.began_us > BOUND_US)
		loop_stop(scene.loop);
}

static void run_on(bool (*over)(void), unsigned line)
{
	scene.over = over;
	scene.began_us = metric_now_us();
	loop_run(scene.loop);
	if (!over())
		fail_msg("line %u: not within a minute; heard %u and %u", line,
			 scene.ears[0].heard, scene.ears[1].heard);
}

#define run_until(over) run_on(over, __LINE__)

static const char *free_address(void)
{
	static char at[64];
	struct sockaddr_in any = {.sin_family = AF_INET};
	socklen_t size = sizeof any;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&any, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &size), 0);
	close(fd);
	snprintf(at, sizeof at, "tcp://127.0.0.1:%u", ntohs(any.sin_port));
	return at;
}

static void open_ear(unsigned i, struct bus_keys *keys)
{
	struct ear *ear = &scene.ears[i];

	*ear = (struct ear){.config = scene.config};
	ear->config.keys = keys;
	assert_err(bus_in_open(&ear->in, scene.loop, &ear->config, "orderbook",
			       hear, drained, ear),
		   ERR_NONE);
}

static unsigned counted(const char *metric)
{
	struct buf all = {0};
	char line[64];
	const char *found;

	metric_print(&all);
	buf_put(&all, "", 1);
	snprintf(line, sizeof line, "\n%s ", metric);
	found = strstr((const char *)all.data, line);
	line[0] = 0;
	if (found)
		snprintf(line, sizeof line, "%s", found + strlen(metric) + 2);
	buf_free(&all);
	return (unsigned)strtoul(line, NULL, 10);
}

static bool good_hears(void)
{
	return scene.ears[0].heard > 0;
}

static bool good_hears_long(void)
{
	return scene.ears[0].heard >= 400;
}

/* Each of those whom the guard has to refuse comes about once a second, and the
 * good one hears all the time: whoever is refused otherwise came as often. */
static bool all_have_tried(void)
{
	return counted("bus_refused_total") >= 6 && scene.ears[0].heard >= 400;
}

static bool both_hear_again(void)
{
	return scene.ears[0].heard >= 10 && scene.ears[1].heard >= 10;
}

static bool good_hears_and_other_was_refused(void)
{
	static unsigned before;

	if (!before)
		before = counted("bus_refused_total");
	return scene.ears[0].heard >= 10 &&
	       counted("bus_refused_total") >= before + 2;
}

static void open_scene(void)
{
	for (unsigned i = 0; i < SERVICES; i++) {
		struct bus_pair pair = make_key(services[i]);

		publish(&pair, "public", services[i]);
		publish(&pair, "foreign", services[i]);
		publish(&pair, "astray", services[i]);
	}
	scene.config =
		(struct bus_config){.at = free_address(), .instances = "a"};
	scene.config.keys = open_keys("orderbook", "orderbook", "public");
	assert_err(loop_new(&scene.loop), ERR_NONE);
	assert_err(bus_out_open(&scene.out, &scene.config, "orderbook", "a"),
		   ERR_NONE);
	bus_out_watch(scene.out, scene.loop);
	scene.beats = loop_timer(scene.loop, 5, false, beat, NULL);
}

static void close_scene(void)
{
	for (unsigned i = 0; i < EARS; i++)
		if (scene.ears[i].in) {
			bus_in_close(&scene.ears[i].in);
			bus_keys_close(&scene.ears[i].config.keys);
		}
	loop_timer_cancel(scene.loop, &scene.beats);
	bus_out_close(&scene.out);
	bus_keys_close(&scene.config.keys);
	loop_free(&scene.loop);
}

/* All that can come: a matcher and a gateway, who may hear the book; a
 * publisher, who has nothing to hear from it; somebody with a key of his own;
 * a matcher that takes another key for the orderbook's; a plain client. */
static void only_those_hear_who_may(void **state)
{
	enum { MATCHER, GATEWAY, PUBLISHER, STRANGER, ASTRAY, PLAIN };
	struct bus_pair another = make_key("another");

	(void)state;
	open_scene();
	publish(&another, "foreign", "matcher");
	publish(&another, "astray", "orderbook");
	open_ear(MATCHER, open_keys("matcher", "matcher", "public"));
	open_ear(GATEWAY,
		 open_keys("webhook-gateway", "webhook-gateway", "public"));
	open_ear(PUBLISHER,
		 open_keys("task-publisher", "task-publisher", "public"));
	open_ear(STRANGER, open_keys("matcher", "another", "foreign"));
	open_ear(ASTRAY, open_keys("matcher", "matcher", "astray"));
	open_ear(PLAIN, NULL);
	run_until(all_have_tried);
	assert_true(scene.ears[GATEWAY].heard > 0);
	for (unsigned i = PUBLISHER; i <= PLAIN; i++)
		assert_int_equal(scene.ears[i].heard, 0);
	close_scene();
}

/* The loop that answers may come later, and go. */
static void while_nobody_answers_nobody_gets_in(void **state)
{
	(void)state;
	open_scene();
	open_ear(0, open_keys("matcher", "matcher", "public"));
	run_until(good_hears);
	bus_out_watch(scene.out, NULL);
	open_ear(1, open_keys("webhook-gateway", "webhook-gateway", "public"));
	scene.ears[0].heard = 0;
	run_until(good_hears_long);
	assert_int_equal(scene.ears[1].heard, 0);
	bus_out_watch(scene.out, scene.loop);
	scene.ears[0].heard = 0;
	run_until(both_hear_again);
	close_scene();
}

/* As `kalypso keys` does it: prepare, switch, retire. */
static void keys_change_while_the_bus_runs(void **state)
{
	struct bus_pair old, next;
	char why[BUS_WHY_ROOM];
	struct ear *ears = scene.ears;

	(void)state;
	open_scene();
	open_ear(0, open_keys("matcher", "matcher", "public"));
	open_ear(1, open_keys("webhook-gateway", "webhook-gateway", "public"));
	run_until(good_hears);
	assert_false(bus_keys_renewed(scene.config.keys));

	/* The matcher knows both keys, the gateway hasn't heard of it. */
	assert_err(bus_pair_read(&old, path_of("orderbook.key"), why),
		   ERR_NONE);
	next = make_key("orderbook");
	publish(&old, "public", "orderbook.old");
	publish(&next, "public", "orderbook");
	assert_true(bus_keys_renewed(ears[0].config.keys));
	assert_err(bus_in_renew(ears[0].in), ERR_NONE);
	ears[0].heard = ears[1].heard = 0;
	run_until(both_hear_again);

	/* Now the orderbook has the new one; the gateway learns of it. */
	assert_true(bus_keys_renewed(scene.config.keys));
	scene.unbound = !bus_out_renew(scene.out);
	ears[0].heard = 0;
	run_until(good_hears);
	assert_true(bus_keys_renewed(ears[1].config.keys));
	assert_err(bus_in_renew(ears[1].in), ERR_NONE);
	ears[0].heard = ears[1].heard = 0;
	run_until(both_hear_again);

	/* The gateway's is taken away: its connection ends at once. */
	unlink(path_of("public/webhook-gateway.pub"));
	assert_false(bus_keys_renewed(scene.config.keys)); /* it needs one */
	old = make_key("webhook-gateway");
	publish(&old, "public", "webhook-gateway");
	assert_true(bus_keys_renewed(scene.config.keys));
	scene.unbound = !bus_out_renew(scene.out);
	ears[0].heard = 0;
	run_until(good_hears_and_other_was_refused);
	ears[0].heard = ears[1].heard = 0;
	run_until(good_hears_long);
	assert_int_equal(ears[1].heard, 0);
	close_scene();
}

static void keys_that_do_not_fit_are_refused(void **state)
{
	struct bus_pair pair = make_key("pair");
	struct bus_keys *keys;
	char file[PATH_ROOM];

	(void)state;
	snprintf(file, sizeof file, "%s", path_of("pair.key"));
#define REFUSED(service, key_file, in)                                         \
	assert_err(bus_keys_open(&keys, service, key_file, path_of(in)),       \
		   ERR_CONFIG)
	REFUSED("matcher", file, "public");  /* not in the folder */
	REFUSED("matcher", file, "nowhere"); /* there is none */
	REFUSED("matcher", "/nowhere", "public");
	publish(&pair, "public", "orderbook.next");
	REFUSED("matcher", file, "public"); /* another service's */
	publish(&pair, "public", "matcher.next");
	unlink(path_of("public/orderbook.next.pub"));
	assert_err(bus_keys_open(&keys, "matcher", file, path_of("public")),
		   ERR_NONE);
	bus_keys_close(&keys);
	unlink(path_of("public/orderbook.pub"));
	unlink(path_of("public/orderbook.old.pub")); /* of the test before */
	REFUSED("matcher", file, "public"); /* it couldn't hear the book */
	REFUSED("matcher", path_of("public/matcher.next.pub"), "public");
}

/* ---- frames of other versions ------------------------------------------- */

static struct {
	struct loop *loop;
	zsock_t *out;
	uint8_t frames[2][26];
	unsigned older, newer; /* how often each was heard */
	uint64_t began_us;
} mixed;

static void put_frame(uint8_t frame[26], uint64_t number, uint16_t protocol)
{
	be64_put(frame, EPOCH);
	be64_put(frame + 8, number);
	be16_put(frame + 20, 0x0201);
	be16_put(frame + 22, protocol);
	frame[24] = 'h';
	frame[25] = 'i';
	be32_put(frame + 16, crc32c(crc32c(0, frame, 16), frame + 20, 6));
}

static void hear_mixed(void *arg, uint64_t epoch, const struct entry *entry)
{
	bool newer = entry->number == 8;

	(void)arg;
	assert_int_equal(epoch, EPOCH);
	assert_int_equal(entry->type, newer ? 0 : 0x0201);
	assert_int_equal(entry->body.size, newer ? 0 : 2);
	++*(newer ? &mixed.newer : &mixed.older);
}

static void send_mixed(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 2; i++)
		zmq_send(zsock_resolve(mixed.out), mixed.frames[i],
			 sizeof mixed.frames[i], ZMQ_DONTWAIT);
	if ((mixed.older && mixed.newer) ||
	    metric_now_us() - mixed.began_us > BOUND_US)
		loop_stop(mixed.loop);
}

/* What it says isn't looked into; that it says something is. */
static void a_frame_of_a_newer_version_only_rings(void **state)
{
	struct bus_config config = {.at = free_address(), .instances = "a"};
	struct bus_in *in;
	struct loop_timer *timer;

	(void)state;
	mixed.began_us = metric_now_us();
	put_frame(mixed.frames[0], 7, protocol_ours);
	put_frame(mixed.frames[1], 8, protocol_ours + 1);
	assert_err(loop_new(&mixed.loop), ERR_NONE);
	mixed.out = zsock_new(ZMQ_PUB);
	assert_int_not_equal(zsock_bind(mixed.out, "%s", config.at), -1);
	assert_err(bus_in_open(&in, mixed.loop, &config, "orderbook",
			       hear_mixed, drained, NULL),
		   ERR_NONE);
	timer = loop_timer(mixed.loop, 5, false, send_mixed, NULL);
	loop_run(mixed.loop);
	assert_true(mixed.older > 0 && mixed.newer > 0);
	loop_timer_cancel(mixed.loop, &timer);
	bus_in_close(&in);
	zsock_destroy(&mixed.out);
	loop_free(&mixed.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_a_pattern_or_a_list_of_them),
		cmocka_unit_test(who_says_nothing_needs_no_address),
		cmocka_unit_test(
			beyond_this_machine_it_is_protected_or_not_opened),
		cmocka_unit_test(a_key_is_written_once_and_read_back),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(only_those_hear_who_may),
		cmocka_unit_test(while_nobody_answers_nobody_gets_in),
		cmocka_unit_test(keys_change_while_the_bus_runs),
		cmocka_unit_test(keys_that_do_not_fit_are_refused),
		cmocka_unit_test(a_frame_of_a_newer_version_only_rings),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
