/* What the frame promises a service: when it begins, who runs, how it ends. */
#include "tests/unit/frame_fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "common/secp.h"

/* ---- a service that does nothing but say so ----------------------------- */

struct dummy {
	enum err first;	  /* what start() returns before it is ready */
	unsigned times;	  /* that it does */
	enum err settle;  /* what it settles once started … */
	unsigned settles; /* … so often; 0: always */
};

static enum err start(struct frame *f, void *arg)
{
	struct dummy *d = arg;

	say("start\n");
	if (d->times) {
		d->times--;
		return d->first;
	}
	if (f->service->writes && frame_open_log(f, 0))
		return ERR_UNREACHABLE;
	frame_set_ready(f, true, "");
	say("running %d\n", frame_settle(f, "test.settle", d->settle));
	if (d->settles && --d->settles == 0)
		d->settle = ERR_NONE;
	return ERR_NONE;
}

static void status(void *arg, struct status *out)
{
	(void)arg;
	status_text(out, "colour", "green");
	status_number(out, "answer", 42);
	for (int i = 0; i < 100; i++) /* what is too much is left out */
		status_number(out, "more", 1);
}

static void stop(void *arg)
{
	(void)arg;
	say("stop\n");
}

static const struct service plain = {.name = "listener",
				     .summary = "Does nothing.",
				     .start = start,
				     .stop = stop};
static const struct service reader = {.name = "webhook-gateway",
				      .summary = "Reads.",
				      .market = true,
				      .start = start,
				      .status = status,
				      .stop = stop};
static const struct service book = {.name = "orderbook",
				    .summary = "Writes.",
				    .market = true,
				    .writes = "book",
				    .start = start,
				    .stop = stop};
static const struct service indexer = {.name = "chain-indexer",
				       .summary = "Opens the logs.",
				       .market = true,
				       .writes = "chain",
				       .opens_epoch = true,
				       .start = start,
				       .stop = stop};

static const struct service publisher = {.name = "task-publisher",
					 .summary = "Reads, and can again.",
					 .market = true,
					 .start = start,
					 .stop = stop};

static struct child child;
static struct dummy dummy;

#define START(service, ...)                                                    \
	child_start(&child, &(service), &dummy,                                \
		    (const char *const[]){__VA_ARGS__, NULL})

static int begin(void **state)
{
	(void)state;
	dummy = (struct dummy){.settle = ERR_NONE};
	return 0;
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

/* ---- beginning and ending ----------------------------------------------- */

static void it_runs_until_it_is_asked_to_stop(void **state)
{
	int signals[] = {SIGTERM, SIGINT};

	(void)state;
	for (int i = 0; i < 2; i++) {
		START(plain, "--log-level=info");
		assert_child(&child, "start");
		assert_child(&child, "running 1");
		kill(child.pid, signals[i]);
		assert_child(&child, "stop");
		assert_child(&child, "");
		assert_int_equal(child_end(&child, 0), EXIT_OK);
		assert_true(child_logged(&child, "service.exited err=NONE"));
	}
}

static void what_is_not_ready_is_begun_again(void **state)
{
	(void)state;
	dummy.first = ERR_UNREACHABLE;
	dummy.times = 2;
	START(plain, "--log-level=info");
	for (int i = 0; i < 2; i++) {
		assert_child(&child, "start");
		assert_child(&child, "stop");
	}
	assert_child(&child, "start");
	assert_child(&child, "running 1");
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
	assert_true(child_logged(&child, "service.waiting"));
}

static void what_can_not_begin_ends_with_its_status(void **state)
{
	(void)state;
	dummy.times = 1;
	dummy.first = ERR_CONFIG;
	START(plain, "--log-level=info");
	assert_int_equal(child_end(&child, 0), EXIT_CONFIG);
	dummy.first = ERR_CONFLICT;
	START(plain, "--log-level=info");
	assert_int_equal(child_end(&child, 0), EXIT_STOPPED);
	assert_true(child_logged(&child, "err=CONFLICT"));
}

static void an_error_is_settled_by_its_class(void **state)
{
	(void)state;
	dummy.settle = ERR_STORAGE;
	START(plain, "--log-level=info");
	assert_child(&child, "start");
	assert_child(&child, "running 0");
	assert_child(&child, "stop");
	assert_int_equal(child_end(&child, 0), EXIT_STOPPED);
	dummy.settle = ERR_MALFORMED;
	START(plain, "--log-level=info");
	assert_child(&child, "start");
	assert_child(&child, "running 1");
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
	assert_true(child_logged(&child, "what=test.settle err=MALFORMED"));
	dummy.settle = ERR_UNREACHABLE;
	START(plain, "--log-level=info");
	assert_child(&child, "start");
	assert_child(&child, "running 1");
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static void what_the_store_lost_is_begun_again_within_the_process(void **state)
{
	(void)state;
	dummy.settle = ERR_BEHIND;
	dummy.settles = 1;
	START(indexer, "--log-level=info");
	assert_child(&child, "start");
	assert_child(&child, "running 0");
	assert_child(&child, "stop");
	assert_child(&child, "start");
	assert_child(&child, "running 1");
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
	assert_true(child_logged(&child, "service.reloading what=test.settle "
					 "err=BEHIND"));
}

static void a_life_that_ended_is_noticed_by_those_who_wait(void **state)
{
	uint64_t before, now;

	(void)state;
	START(indexer, "--log-level=info");
	assert_child(&child, "start");
	assert_child(&child, "running 1");
	assert_err(store_epoch(redis.store, &before), ERR_NONE);
	assert_err(store_epoch_end(redis.store, before + 1), ERR_NONE);
	assert_err(store_epoch(redis.store, &now), ERR_NONE);
	assert_int_equal(now, before); /* that wasn't the one it is */
	assert_err(store_epoch_end(redis.store, before), ERR_NONE);
	assert_child(&child, "stop");
	assert_child(&child, "start");
	assert_child(&child, "running 1");
	assert_err(store_epoch(redis.store, &now), ERR_NONE);
	assert_int_not_equal(now, 0);
	assert_int_not_equal(now, before);
	redis.epoch = now;
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static void options_that_can_not_be_end_it_at_once(void **state)
{
	static const char *const rows[] = {"--log-level=loud",
					   "--log-format=xml",
					   "--instance=A",
					   "--instance=",
					   "--lease=100",
					   "--lease=60001",
					   "--depth=15",
					   "--depth=100001",
					   "--log-keep=15",
					   "--quarantine-max=0",
					   "--admin-port=70000",
					   "--admin-host=there",
					   "--redis=http://x",
					   "--name=No",
					   "--state-dir=/proc/nowhere"};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		START(reader, rows[i]);
		assert_child(&child, "");
		assert_int_equal(child_end(&child, 0), EXIT_CONFIG);
	}
}

static void an_instance_runs_once(void **state)
{
	struct child second;

	(void)state;
	START(plain, "--log-level=info");
	assert_child(&child, "start");
	child_start(&second, &plain, &dummy, (const char *const[]){NULL});
	assert_int_equal(child_end(&second, 0), EXIT_CONFIG);
	assert_true(child_logged(&second, "running already"));
	child_start(&second, &plain, &dummy,
		    (const char *const[]){"--instance=b", NULL});
	assert_child(&second, "start");
	assert_int_equal(child_end(&second, SIGKILL), -1);
	assert_int_equal(child_end(&child, SIGKILL), -1);
	START(plain, "--log-level=info"); /* the lock went with its process */
	assert_child(&child, "start");
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

/* ---- Redis, epoch and lease --------------------------------------------- */

static void it_waits_for_the_logs_to_be_opened(void **state)
{
	struct child opener;

	(void)state;
	/* Of another deployment: nobody has opened its logs yet. */
	START(book, "--name=fresh");
	wait_for_log(&child, "waiting for chain-indexer to open the logs");
	child_start(&opener, &indexer, &dummy,
		    (const char *const[]){"--name=fresh", NULL});
	assert_child(&opener, "start");
	assert_child(&child, "start");
	assert_child(&child, "running 1");
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
	assert_int_equal(child_end(&opener, SIGTERM), EXIT_OK);
}

static void it_waits_for_redis_and_survives_it(void **state)
{
	(void)state;
	redis_kill(&redis);
	START(book, "--log-level=info");
	wait_for_log(&child, "waiting for redis");
	redis_run(&redis);
	assert_child(&child, "start");
	assert_child(&child, "running 1");
	redis_kill(&redis);
	redis_run(&redis);
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static void a_second_instance_stands_by_until_the_first_is_gone(void **state)
{
	struct child second;

	(void)state;
	START(book, "--lease=60000");
	assert_child(&child, "start");
	assert_child(&child, "running 1");
	child_start(&second, &book, &dummy,
		    (const char *const[]){"--instance=b", "--lease=300", NULL});
	wait_for_log(&second, "standby");
	/* It gives up a lease that would have lasted a minute. */
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
	assert_child(&second, "start");
	assert_child(&second, "running 1");
	/* Killed it can't; its lease runs out by itself. */
	START(book, "--lease=60000");
	wait_for_log(&child, "standby");
	assert_int_equal(child_end(&second, SIGKILL), -1);
	assert_child(&child, "start");
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static void an_instance_takes_its_own_lease_back_at_once(void **state)
{
	(void)state;
	START(book, "--lease=60000");
	assert_child(&child, "start");
	assert_int_equal(child_end(&child, SIGKILL), -1);
	START(book, "--lease=60000");
	assert_child(&child, "start");
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static void a_lease_is_held_however_short(void **state)
{
	uint64_t token = 0;

	(void)state;
	START(book, "--lease=200");
	assert_child(&child, "start");
	assert_child(&child, "running 1");
	for (int i = 0; i < 50; i++) { /* more than two of its lifes */
		assert_err(store_lease_take(redis.store, "orderbook", "other",
					    token, 1000),
			   ERR_HELD);
		usleep(10000);
	}
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static bool is_leased(void)
{
	char command[192], answer[8] = "";
	FILE *f;

	snprintf(command, sizeof command,
		 "redis-cli -s %s/redis.sock exists "
		 "'kalypso:{test}:lease:orderbook'",
		 redis.folder);
	f = popen(command, "r");
	assert_non_null(f);
	(void)!fread(answer, 1, sizeof answer - 1, f);
	pclose(f);
	return *answer == '1';
}

static void a_lease_that_nobody_took_is_taken_again(void **state)
{
	(void)state;
	START(book, "--lease=60000");
	assert_child(&child, "start");
	assert_child(&child, "running 1");
	/* As if it had run out. */
	assert_err(store_lease_take(redis.store, "orderbook", "a", 99, 60000),
		   ERR_NONE);
	assert_err(store_lease_renew(redis.store, "orderbook", "a", 99, 0),
		   ERR_NONE);
	while (!is_leased())
		usleep(2000);
	assert_err(store_lease_take(redis.store, "orderbook", "other", 1, 1),
		   ERR_HELD);
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static void without_its_lease_it_ends(void **state)
{
	(void)state;
	START(book, "--lease=2000");
	assert_child(&child, "start");
	assert_child(&child, "running 1");
	assert_err(store_lease_take(redis.store, "orderbook", "a", 99, 60000),
		   ERR_NONE);
	assert_child(&child, "stop");
	assert_int_equal(child_end(&child, 0), EXIT_STOPPED);
	assert_true(child_logged(&child, "err=FENCED"));
	/* And leaves the other's alone. */
	assert_err(store_lease_renew(redis.store, "orderbook", "a", 99, 60000),
		   ERR_NONE);
	assert_err(store_lease_renew(redis.store, "orderbook", "a", 99, 0),
		   ERR_NONE);
}

/* ---- what it shows ------------------------------------------------------ */

struct seen {
	const char *service;
	bool green, answer, ready;
	size_t count;
	char port[8];
};

static void see(void *arg, const char *who, const char *const *pairs, size_t n)
{
	struct seen *s = arg;

	assert_int_equal(strncmp(who, s->service, strlen(s->service)), 0);
	assert_int_equal(who[strlen(s->service)], ':');
	s->count = n;
	for (size_t i = 0; i + 1 < n; i += 2) {
		const char *k = pairs[i], *v = pairs[i + 1];

		if (strcmp(k, "colour") == 0)
			s->green = strcmp(v, "green") == 0;
		if (strcmp(k, "answer") == 0)
			s->answer = strcmp(v, "42") == 0;
		if (strcmp(k, "ready") == 0)
			s->ready = strcmp(v, "true") == 0;
		if (strcmp(k, "admin_port") == 0)
			snprintf(s->port, sizeof s->port, "%s", v);
	}
}

static void assert_admin(const char *port, const char *path, const char *want)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons((uint16_t)atoi(port))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[16384];
	ssize_t n;
	size_t size = 0;

	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	dprintf(fd, "GET %s HTTP/1.0\r\n\r\n", path);
	while ((n = read(fd, text + size, sizeof text - 1 - size)) > 0)
		size += (size_t)n;
	text[size] = 0;
	close(fd);
	if (!strstr(text, want))
		fail_msg("%s lacks %s: %s", path, want, text);
}

static void again(void *arg, const struct quarantine_item *item)
{
	(void)arg;
	assert_err(quarantine_retry(redis.store, "task-publisher", item),
		   ERR_NONE);
}

static void its_status_is_there_while_it_lives(void **state)
{
	struct seen s = {.service = "webhook-gateway"};

	(void)state;
	START(reader, "--log-level=info");
	for (int i = 0; i < WAIT_MS / 10 && !s.green; i++) {
		assert_err(store_status_of(redis.store, "webhook-gateway", "a",
					   see, &s),
			   ERR_NONE);
		usleep(10000);
	}
	assert_true(s.green && s.answer && s.ready);
	assert_true(s.count <= STORE_STATUS_MAX);
	assert_admin(s.port, "/livez", "200 OK");
	assert_admin(s.port, "/readyz", "200 OK");
	assert_admin(s.port, "/metrics", "\nservice_ready 1\n");
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static void a_standby_is_available_and_not_ready(void **state)
{
	struct child second;
	struct seen s = {.service = "orderbook"};

	(void)state;
	START(book, "--lease=60000");
	assert_child(&child, "start");
	assert_child(&child, "running 1");
	child_start(&second, &book, &dummy,
		    (const char *const[]){"--instance=spare",
					  "--redis-timeout=200", NULL});
	wait_for_log(&second, "standby");
	while (!*s.port)
		assert_err(store_status_of(redis.store, "orderbook", "spare",
					   see, &s),
			   ERR_NONE);
	assert_admin(s.port, "/readyz", "503 Service Unavailable");
	assert_admin(s.port, "/readyz", "\nstandby: another instance");
	assert_admin(s.port, "/availablez", "200 OK");
	/* It can't know any more whether it is needed. */
	redis_kill(&redis);
	wait_for_log(&second, "waiting for redis");
	assert_admin(s.port, "/availablez", "503 Service Unavailable");
	redis_run(&redis);
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
	assert_child(&second, "start");
	assert_child(&second, "running 1");
	assert_admin(s.port, "/availablez", "200 OK");
	assert_int_equal(child_end(&second, SIGTERM), EXIT_OK);
}

/* ---- alarms and the quarantine ----------------------------------------- */

static void what_redis_takes_too_long_for_is_an_alarm_that_ends(void **state)
{
	struct seen s = {.service = "webhook-gateway"};

	(void)state;
	START(reader, "--alarm-redis=1", "--instance=slow");
	while (!*s.port)
		assert_err(store_status_of(redis.store, "webhook-gateway",
					   "slow", see, &s),
			   ERR_NONE);
	kill(redis.pid, SIGSTOP);
	wait_for_log(&child, "alarm.redis_slow");
	assert_admin(s.port, "/readyz", "200 OK");
	assert_admin(s.port, "/readyz", "\nalarm redis_slow: ");
	assert_admin(s.port, "/metrics", "\nalarm_redis_slow 1\n");
	kill(redis.pid, SIGCONT);
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

static void it_begins_again_to_read_what_it_could_not(void **state)
{
	struct quarantine_item item = {
		.what = "match:7", .reason = "", .from = {"match", 1, 7, 1, 0}};
	struct quarantine_limits limits = {10, 10};

	(void)state;
	assert_err(
		quarantine_put(redis.store, "task-publisher", &item, &limits),
		ERR_NONE);
	START(publisher, "--log-level=info");
	assert_child(&child, "start");
	assert_child(&child, "running 1");
	assert_err(quarantine_each(redis.store, "task-publisher", "", 1, again,
				   NULL),
		   ERR_NONE);
	assert_child(&child, "stop");
	/* Once, within its process. */
	assert_child(&child, "start");
	assert_child(&child, "running 1");
	assert_true(child_logged(&child, "what=quarantine.retry err=AGAIN"));
	assert_int_equal(child_end(&child, SIGTERM), EXIT_OK);
}

/* ---- keys --------------------------------------------------------------- */

static void a_key_is_hex_or_a_keystore_under_its_password(void **state)
{
	static char text[4096];
	struct secret_key *key;
	FILE *f = fopen("tests/golden/keystore-pbkdf2.json", "r");

	(void)state;
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	assert_err(frame_key(&key, "key",
			     "0x0000000000000000000000000000000000000000000000"
			     "000000000000000001",
			     ""),
		   ERR_NONE);
	secret_key_free(&key);
	assert_err(frame_key(&key, "key", text, "testpassword"), ERR_NONE);
	secret_key_free(&key);
	assert_err(frame_key(&key, "key", text, "another"), ERR_CONFIG);
	assert_err(frame_key(&key, "key", "{}", ""), ERR_CONFIG);
	assert_err(frame_key(&key, "key", "0x00", ""), ERR_CONFIG);
	assert_err(frame_key(&key, "key", "", ""), ERR_CONFIG);
}

static int begin_all(void **state)
{
	(void)state;
	redis_start(&redis);
	return 0;
}

static int end_all(void **state)
{
	(void)state;
	redis_stop(&redis);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_runs_until_it_is_asked_to_stop),
		TEST(what_is_not_ready_is_begun_again),
		TEST(what_can_not_begin_ends_with_its_status),
		TEST(an_error_is_settled_by_its_class),
		TEST(options_that_can_not_be_end_it_at_once),
		TEST(an_instance_runs_once),
		TEST(it_waits_for_the_logs_to_be_opened),
		TEST(it_waits_for_redis_and_survives_it),
		TEST(a_second_instance_stands_by_until_the_first_is_gone),
		TEST(a_standby_is_available_and_not_ready),
		TEST(an_instance_takes_its_own_lease_back_at_once),
		TEST(a_lease_is_held_however_short),
		TEST(a_lease_that_nobody_took_is_taken_again),
		TEST(without_its_lease_it_ends),
		TEST(what_the_store_lost_is_begun_again_within_the_process),
		TEST(a_life_that_ended_is_noticed_by_those_who_wait),
		TEST(its_status_is_there_while_it_lives),
		TEST(what_redis_takes_too_long_for_is_an_alarm_that_ends),
		TEST(it_begins_again_to_read_what_it_could_not),
		TEST(a_key_is_hex_or_a_keystore_under_its_password),
	};

	signal(SIGPIPE, SIG_IGN);
	log_open("frame_test", LEVEL_ERROR + 1, false);
	return cmocka_run_group_tests(tests, begin_all, end_all);
}
