/* Any bytes as a configuration file: every option set, or a complaint. The
 * reader is static: this file is conf.c and more. */
#include "common/conf.c"

#include <czmq.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

struct options {
	uint64_t number;
	bool flag;
	const char *text, *secret;
};

static const struct conf_row rows[] = {
	{"some_number", CONF_NUMBER, offsetof(struct options, number), "1", "",
	 ""},
	{"some_flag", CONF_FLAG, offsetof(struct options, flag), "true", "",
	 ""},
	{"some_text", CONF_TEXT, offsetof(struct options, text), "x", "", ""},
	{"some_secret", CONF_SECRET, offsetof(struct options, secret), "", "",
	 ""},
	{0}};

int LLVMFuzzerInitialize(int *argc, char ***argv);
const char *__lsan_default_suppressions(void);

/* Of a file that can't be read, before the process ends. */
const char *__lsan_default_suppressions(void)
{
	return "leak:zfile_new\n";
}

/* Complaints would fill the screen. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	stderr = fopen("/dev/null", "w");
	stdout = fopen("/dev/null", "w");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct options options = {.text = NULL};
	struct conf_table table = {rows, &options};
	struct conf_program program = {"fuzz", "", &table, 1, false};
	struct reader r = {.program = &program};
	int fd = memfd_create("conf", 0);
	char path[32];
	enum err e;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	r.file = path;
	gather(&r);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	e = conf_read_file(&r);
	for (size_t i = 0; i < r.count && !e; i++)
		e = set_row(&r, i);
	if (!e)
		fuzz_check(options.text != NULL && !*options.secret);
	zconfig_destroy(&r.tree);
	close(fd);
	return 0;
}
