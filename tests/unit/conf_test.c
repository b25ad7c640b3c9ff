/* Where an option's value comes from, and what is said when it can't be. */
#include "tests/test.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/conf.h"

struct options {
	uint64_t match_lifetime;
	bool dry_run;
	const char *bus_at, *must;
	const char *api_key;
};

#define ROW(kind, name, fallback, unit, meaning)                               \
	{                                                                      \
#name, CONF_##kind, offsetof(struct options, name), fallback,  \
			unit, meaning                                          \
	}

static const struct conf_row rows[] = {
	ROW(NUMBER, match_lifetime, "30", "s", "how long a match holds"),
	ROW(FLAG, dry_run, "false", "", "only look"),
	ROW(TEXT, bus_at, "here", "", "where the bus is"),
	ROW(TEXT, must, NULL, "", "what has no default"),
	ROW(SECRET, api_key, "", "", "the key of keys"),
	{0}};

static const struct conf_row strict_rows[] = {
	ROW(SECRET, api_key, NULL, "", "the key of keys"), {0}};

/* ---- a program of its own for each reading ------------------------------ */

enum { VARIABLES_MAX = 4, FLAGS_MAX = 6 };

struct run {
	const struct conf_row *rows; /* NULL: those above */
	const char *variables[VARIABLES_MAX];
	const char *flags[FLAGS_MAX];
	const char *file; /* its text; NULL: none. conf in the folder */
};

static char folder[64];
static char out[16384], complaint[4096];

static void run_child(const struct run *r)
{
	struct options o = {.match_lifetime = 0};
	struct conf_table table = {r->rows ? r->rows : rows, &o};
	struct conf_program program = {"task-publisher", "Publishes tasks.",
				       &table, 1, false};
	char *argv[FLAGS_MAX + 2] = {(char *)"task-publisher"};
	int argc = 1;
	enum err e;

	clearenv();
	for (int i = 0; i < VARIABLES_MAX && r->variables[i]; i++)
		putenv((char *)r->variables[i]);
	while (argc <= FLAGS_MAX && r->flags[argc - 1]) {
		argv[argc] = (char *)r->flags[argc - 1];
		argc++;
	}
	e = conf_read(&program, argc, argv);
	if (!e)
		printf("%" PRIu64 " %s %s %s %s", o.match_lifetime,
		       o.dry_run ? "true" : "false", o.bus_at ? o.bus_at : "-",
		       o.must ? o.must : "-", o.api_key);
	fflush(stdout);
	fflush(stderr);
	_exit(e == ERR_NONE ? 0 : e == ERR_CONFIG ? 77 : 78);
}

static void read_back(const char *name, char *text, size_t room)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, room - 1, f)] = 0;
	fclose(f);
}

static void write_file(const char *name, const char *text)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	fputs(text, f);
	fclose(f);
}

static void open_file_to(const char *name, mode_t mode, uid_t owner)
{
	char path[96];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	assert_int_equal(chown(path, owner, (gid_t)-1), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* Its exit status: 0, 77 for ERR_CONFIG, or argp's. */
static int status_of(const struct run *r)
{
	pid_t child;
	int status;

	if (r->file)
		write_file("conf", r->file);
	child = fork();
	if (child == 0) {
		if (chdir(folder) || !freopen("out", "w", stdout) ||
		    !freopen("err", "w", stderr))
			_exit(79);
		run_child(r);
	}
	waitpid(child, &status, 0);
	read_back("out", out, sizeof out);
	read_back("err", complaint, sizeof complaint);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define GIVES(want, ...)                                                       \
	do {                                                                   \
		assert_int_equal(status_of(&(struct run){__VA_ARGS__}), 0);    \
		assert_string_equal(out, want);                                \
		assert_string_equal(complaint, "");                            \
	} while (0)

#define FAILS(want, ...)                                                       \
	do {                                                                   \
		assert_int_equal(status_of(&(struct run){__VA_ARGS__}), 77);   \
		assert_string_equal(complaint, want);                          \
		assert_string_equal(out, "");                                  \
	} while (0)

#define TRY "\nTry 'task-publisher --help'.\n"

static int begin(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/kalypso-conf-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

/* ---- where from --------------------------------------------------------- */

static void defaults_hold_where_nothing_is_set(void **state)
{
	(void)state;
	GIVES("30 false here x ", .flags = {"--must=x"});
}

static void a_flag_wins(void **state)
{
	(void)state;
	GIVES("5 true there x ",
	      .flags = {"--match-lifetime=5", "--dry-run", "--bus-at", "there",
			"--must=x"},
	      .variables = {"KALYPSO_MATCH_LIFETIME=6",
			    "KALYPSO_TASK_PUBLISHER_DRY_RUN=false"});
	GIVES("30 false here x ", .flags = {"--dry-run=false", "--must=x"});
}

static void then_the_services_own_variable(void **state)
{
	(void)state;
	GIVES("7 false here x ", .flags = {"--must=x"},
	      .variables = {"KALYPSO_TASK_PUBLISHER_MATCH_LIFETIME=7",
			    "KALYPSO_MATCH_LIFETIME=6"});
}

static void then_the_variable_for_all(void **state)
{
	(void)state;
	GIVES("6 false here x ", .flags = {"--must=x", "--config=conf"},
	      .variables = {"KALYPSO_MATCH_LIFETIME=6"},
	      .file = "match_lifetime = 8\n");
}

static void then_the_file(void **state)
{
	(void)state;
	GIVES("8 true a b x ", .flags = {"--config=conf"},
	      .file = "# of ours\nmatch_lifetime = 8\n\ndry_run = true\n"
		      "bus_at = \"a b\"\nmust = x\n");
	GIVES("8 false here x ", .variables = {"KALYPSO_CONFIG=conf"},
	      .file = "match_lifetime = 8\nmust = x\n");
}

static void a_text_in_the_file_may_hold_anything(void **state)
{
	(void)state;
	GIVES("30 false http://a:1/?k=v x ", .flags = {"--config=conf"},
	      .file = "bus_at = http://a:1/?k=v\nmust = x\n");
	GIVES("30 false http://a/#b x ", .flags = {"--config=conf"},
	      .file = "bus_at = \"http://a/#b\" # quoted\nmust = x\n");
	GIVES("30 false it's x ", .flags = {"--config=conf"},
	      .file = "bus_at = it's\nmust = x\n");
}

static void an_empty_text_is_a_text(void **state)
{
	(void)state;
	GIVES("30 false   ", .flags = {"--bus-at=", "--must="});
}

/* ---- secrets ------------------------------------------------------------ */

static void a_secret_comes_from_the_environment_or_a_file(void **state)
{
	(void)state;
	GIVES("30 false here x 0xabc", .flags = {"--must=x"},
	      .variables = {"KALYPSO_API_KEY=0xabc"});
	write_file("key", "0xdef\n");
	GIVES("30 false here x 0xdef", .flags = {"--must=x"},
	      .variables = {"KALYPSO_API_KEY_FILE=key",
			    "KALYPSO_API_KEY=0xabc"});
	write_file("key", "two words \n\n");
	GIVES("30 false here x two words", .flags = {"--must=x"},
	      .variables = {"KALYPSO_TASK_PUBLISHER_API_KEY_FILE=key"});
}

static void a_secret_has_no_flag_and_no_line_in_the_file(void **state)
{
	(void)state;
	assert_int_equal(
		status_of(&(struct run){.flags = {"--must=x", "--api-key=1"}}),
		2);
	assert_non_null(strstr(complaint, "--api-key"));
	FAILS("task-publisher: api_key in file conf, line 1: a secret, which "
	      "no file of options may hold: set "
	      "KALYPSO_TASK_PUBLISHER_API_KEY_FILE" TRY,
	      .flags = {"--must=x", "--config=conf"}, .file = "api_key = 1\n");
}

static void a_secret_that_is_missing_is_named(void **state)
{
	(void)state;
	FAILS("task-publisher: no api_key: set "
	      "KALYPSO_TASK_PUBLISHER_API_KEY_FILE (the key of keys)\n",
	      .rows = strict_rows);
}

static void a_secrets_file_that_is_no_use_is_named(void **state)
{
	(void)state;
	FAILS("task-publisher: environment variable KALYPSO_API_KEY_FILE: "
	      "can't read nowhere: No such file or directory\n",
	      .flags = {"--must=x"},
	      .variables = {"KALYPSO_API_KEY_FILE=nowhere"});
	FAILS("task-publisher: environment variable KALYPSO_API_KEY_FILE: "
	      "can't read /: Is a directory\n",
	      .flags = {"--must=x"}, .variables = {"KALYPSO_API_KEY_FILE=/"});
	write_file("empty", "\n");
	FAILS("task-publisher: environment variable KALYPSO_API_KEY_FILE: "
	      "can't read empty: it is empty\n",
	      .flags = {"--must=x"},
	      .variables = {"KALYPSO_API_KEY_FILE=empty"});
}

#define OTHERS(mode)                                                           \
	"task-publisher: environment variable KALYPSO_API_KEY_FILE: key: "     \
	"others may read or write it (mode " mode "): chmod 600 key\n"

static void a_secrets_file_that_others_may_read_is_refused(void **state)
{
	(void)state;
	write_file("key", "0xdef\n");
	open_file_to("key", 0644, getuid());
	FAILS(OTHERS("0644"), .flags = {"--must=x"},
	      .variables = {"KALYPSO_API_KEY_FILE=key"});
	open_file_to("key", 0620, getuid());
	FAILS(OTHERS("0620"), .flags = {"--must=x"},
	      .variables = {"KALYPSO_API_KEY_FILE=key"});
	open_file_to("key", 0400, getuid());
	GIVES("30 false here x 0xdef", .flags = {"--must=x"},
	      .variables = {"KALYPSO_API_KEY_FILE=key"});
	if (getuid() != 0)
		return;		      /* nobody else can give a file away */
	open_file_to("key", 0440, 0); /* as it is mounted into containers */
	GIVES("30 false here x 0xdef", .flags = {"--must=x"},
	      .variables = {"KALYPSO_API_KEY_FILE=key"});
	open_file_to("key", 0440, 1); /* its owner's group isn't ours */
	FAILS(OTHERS("0440"), .flags = {"--must=x"},
	      .variables = {"KALYPSO_API_KEY_FILE=key"});
	open_file_to("key", 0600, 0);
}

/* Else half a keystore would be called a wrong password. */
static void a_secret_that_is_too_long_is_not_cut(void **state)
{
	char *text = calloc(1, 70001);

	(void)state;
	memset(text, 'a', 70000);
	write_file("long", text);
	free(text);
	FAILS("task-publisher: environment variable KALYPSO_API_KEY_FILE: "
	      "can't read long: File too large\n",
	      .flags = {"--must=x"},
	      .variables = {"KALYPSO_API_KEY_FILE=long"});
}

/* ---- what can't be ------------------------------------------------------ */

static void an_option_without_a_default_must_be_set(void **state)
{
	(void)state;
	FAILS("task-publisher: no must: give --must or set "
	      "KALYPSO_TASK_PUBLISHER_MUST (what has no default)\n",
	      .flags = {NULL});
}

static void what_is_not_of_its_kind_is_named_with_its_place(void **state)
{
	static const char *const numbers[] = {
		"",    "x",    "-1",
		"1x",  " 1",   "+1",
		"1.5", "0x10", "18446744073709551616"};
	char flag[64];

	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		snprintf(flag, sizeof flag, "--match-lifetime=%s", numbers[i]);
		FAILS("task-publisher: --match-lifetime: not a whole "
		      "number" TRY,
		      .flags = {"--must=x", flag});
	}
	GIVES("18446744073709551615 false here x ",
	      .flags = {"--must=x", "--match-lifetime=18446744073709551615"});
	FAILS("task-publisher: environment variable KALYPSO_DRY_RUN: neither "
	      "true nor false" TRY,
	      .flags = {"--must=x"}, .variables = {"KALYPSO_DRY_RUN=yes"});
	FAILS("task-publisher: match_lifetime in file conf: not a whole "
	      "number" TRY,
	      .flags = {"--must=x", "--config=conf"},
	      .file = "match_lifetime = soon\n");
}

static void unknown_options_are_refused(void **state)
{
	(void)state;
	assert_int_equal(status_of(&(struct run){.flags = {"--nonsense"}}), 2);
	assert_non_null(strstr(complaint, "'--nonsense'"));
	assert_int_equal(status_of(&(struct run){.flags = {"start"}}), 2);
	assert_non_null(
		strstr(complaint, "what is 'start'? options begin with --"));
	FAILS("task-publisher: colour in file conf, line 3: no such option" TRY,
	      .flags = {"--must=x", "--config=conf"},
	      .file = "# colours = 1\ndry_run = true\ncolour=red\n");
}

static void a_slip_in_the_file_is_told_from_what_is_meant(void **state)
{
	(void)state;
	FAILS("task-publisher: match_lifetimes in file conf, line 2: no such "
	      "option; is match_lifetime meant?" TRY,
	      .flags = {"--must=x", "--config=conf"},
	      .file = "dry_run = true\nmatch_lifetimes = 8\n");
	FAILS("task-publisher: bsu_at in file conf, line 1: no such option; is "
	      "bus_at meant?" TRY,
	      .flags = {"--must=x", "--config=conf"}, .file = "bsu_at = x\n");
	FAILS("task-publisher: match-lifetime in file conf, line 1: no such "
	      "option; is match_lifetime meant?" TRY,
	      .flags = {"--must=x", "--config=conf"},
	      .file = "match-lifetime = 8\n");
}

static void a_slip_in_a_variable_of_its_own_is_refused(void **state)
{
	(void)state;
	FAILS("task-publisher: environment variable "
	      "KALYPSO_TASK_PUBLISHER_MATCH_LIFTIME: no such option; is "
	      "KALYPSO_TASK_PUBLISHER_MATCH_LIFETIME meant?\n",
	      .flags = {"--must=x"},
	      .variables = {"KALYPSO_TASK_PUBLISHER_MATCH_LIFTIME=8"});
	FAILS("task-publisher: environment variable "
	      "KALYPSO_TASK_PUBLISHER_APIKEY_FILE: no such option; is "
	      "KALYPSO_TASK_PUBLISHER_API_KEY_FILE meant?\n",
	      .flags = {"--must=x"},
	      .variables = {"KALYPSO_TASK_PUBLISHER_APIKEY_FILE=key"});
	/* Another program's, and what Kubernetes tells of a service. */
	GIVES("30 false here x ", .flags = {"--must=x"},
	      .variables = {"KALYPSO_MATCH_LIFTIME=8",
			    "KALYPSO_TASK_PUBLISHER_PORT=tcp://10.0.0.1:7000",
			    "KALYPSO_TASK_PUBLISHER_SERVICE_HOST=10.0.0.1"});
}

static void a_file_that_can_not_be_read_is_named(void **state)
{
	(void)state;
	FAILS("task-publisher: nowhere: No such file or directory" TRY,
	      .flags = {"--must=x", "--config=nowhere"});
}

/* ---- help --------------------------------------------------------------- */

static void help_shows_every_option(void **state)
{
	(void)state;
	assert_int_equal(status_of(&(struct run){.flags = {"--help"}}), 0);
	assert_non_null(strstr(out, "Publishes tasks."));
	assert_non_null(strstr(out, "--match-lifetime=N"));
	assert_non_null(strstr(out, "how long a match holds [30 s]"));
	assert_non_null(strstr(out, "--dry-run[=true|false]"));
	assert_non_null(strstr(out, "--bus-at=TEXT"));
	assert_non_null(strstr(out, "what has no default (required)"));
	assert_non_null(strstr(out, "--config=FILE"));
	assert_non_null(strstr(out, "KALYPSO_TASK_PUBLISHER_API_KEY"));
	assert_null(strstr(out, "--api-key"));
	assert_int_equal(status_of(&(struct run){.flags = {"--version"}}), 0);
	assert_memory_equal(out, "task-publisher ", 15);
}

static void the_manual_page_is_a_table(void **state)
{
	(void)state;
	assert_int_equal(
		status_of(&(struct run){.flags = {"--options-markdown"}}), 0);
	assert_string_equal(
		out,
		"| option | default | unit | meaning |\n|---|---|---|---|\n"
		"| `match_lifetime` | `30` | s | how long a match holds |\n"
		"| `dry_run` | `false` |  | only look |\n"
		"| `bus_at` | `here` |  | where the bus is |\n"
		"| `must` | required |  | what has no default |\n"
		"| `api_key` (secret) |  |  | the key of keys |\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_hold_where_nothing_is_set),
		cmocka_unit_test(a_flag_wins),
		cmocka_unit_test(then_the_services_own_variable),
		cmocka_unit_test(then_the_variable_for_all),
		cmocka_unit_test(then_the_file),
		cmocka_unit_test(a_text_in_the_file_may_hold_anything),
		cmocka_unit_test(an_empty_text_is_a_text),
		cmocka_unit_test(a_secret_comes_from_the_environment_or_a_file),
		cmocka_unit_test(a_secret_has_no_flag_and_no_line_in_the_file),
		cmocka_unit_test(a_secret_that_is_missing_is_named),
		cmocka_unit_test(a_secrets_file_that_is_no_use_is_named),
		cmocka_unit_test(
			a_secrets_file_that_others_may_read_is_refused),
		cmocka_unit_test(a_secret_that_is_too_long_is_not_cut),
		cmocka_unit_test(an_option_without_a_default_must_be_set),
		cmocka_unit_test(
			what_is_not_of_its_kind_is_named_with_its_place),
		cmocka_unit_test(unknown_options_are_refused),
		cmocka_unit_test(a_slip_in_the_file_is_told_from_what_is_meant),
		cmocka_unit_test(a_slip_in_a_variable_of_its_own_is_refused),
		cmocka_unit_test(a_file_that_can_not_be_read_is_named),
		cmocka_unit_test(help_shows_every_option),
		cmocka_unit_test(the_manual_page_is_a_table),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
