/* kalypso - the command line: people's way into the market.
 *
 * Reads the chain through a node that its user chooses, and the gateway only
 * for what no contract keeps. Signs with the user's key, which it never prints,
 * logs, sends, or takes as an argument; sends nothing that it hasn't simulated.
 * Read cli.h next, then a noun's file, like request.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/version.h"
#include "services/kalypso/args.h"
#include "services/kalypso/cli.h"
#include "services/kalypso/help.h"
#include "services/kalypso/session.h"

/* ---- finding the command ------------------------------------------------ */

static const struct cli_noun *find_noun(const char *word)
{
	for (const struct cli_noun *n = cli_nouns; n->name; n++)
		if (strcmp(n->name, word) == 0)
			return n;
	return NULL;
}

/* *words is how many words of @argv name it. NULL: there is none. */
static const struct cli_command *find_command(const struct cli_noun *noun,
					      int argc, char **argv, int *words)
{
	for (const struct cli_command *c = noun->commands; c->noun; c++) {
		*words = c->verb ? 3 : 2;
		if (!c->verb || (argc > 2 && strcmp(c->verb, argv[2]) == 0))
			return c;
	}
	return NULL;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
	       strcmp(word, "-?") == 0 || strcmp(word, "help") == 0;
}

static int no_such(const char *noun, const char *word)
{
	fprintf(stderr,
		"kalypso: there is no command '%s%s%s': kalypso help%s%s "
		"lists what there is\n",
		noun, *noun ? " " : "", word, *noun ? " " : "", noun);
	return CLI_USAGE;
}

/* ---- running it --------------------------------------------------------- */

static int run(const struct cli_command *command, int words, int argc,
	       char **argv)
{
	struct cli cli = {.command = command};
	void *options = cli_alloc(command->options_size);
	enum cli_exit x;

	cli_args_read(command, words, argc, argv, &cli.common, options,
		      &cli.args);
	x = cli_open(&cli);
	if (!x)
		x = command->run(&cli, options);
	if (!cli.streaming && !cli_out_flush(cli.out) && !x)
		x = cli_fail(&cli, CLI_FAILED,
			     "the answer can't be written to stdout");
	cli_close(&cli);
	free(options);
	return (int)x;
}

static int print_version(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[2], "--json") == 0)
		printf("{\n  \"version\": \"%s\"\n}\n", KALYPSO_VERSION);
	else
		printf("kalypso %s\n", KALYPSO_VERSION);
	return CLI_OK;
}

/* `help`, `help NOUN`, `help NOUN VERB`: the last as NOUN VERB --help. */
static int print_help(int argc, char **argv)
{
	char help[] = "--help", *line[5] = {argv[0]};
	const struct cli_noun *noun;
	const struct cli_command *c;
	int words, n = 1;

	if (argc > 2 && strcmp(argv[2], "--markdown") == 0) {
		cli_help_markdown(stdout);
		return CLI_OK;
	}
	noun = argc > 2 ? find_noun(argv[2]) : NULL;
	if (argc > 2 && !noun)
		return no_such("", argv[2]);
	if (!noun || (argc == 3 && noun->commands->verb)) {
		cli_help(stdout, noun);
		return CLI_OK;
	}
	for (int i = 2; i < argc && n < 3; i++)
		line[n++] = argv[i];
	c = find_command(noun, n, line, &words);
	if (!c)
		return no_such(noun->name, argv[3]);
	line[words] = help;
	return run(c, words, words + 1, line);
}

int main(int argc, char **argv)
{
	const struct cli_noun *noun;
	const struct cli_command *command;
	int words;

	if (argc < 2) {
		cli_help(stderr, NULL);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "version") == 0 ||
	    strcmp(argv[1], "--version") == 0)
		return print_version(argc, argv);
	if (is_help(argv[1]))
		return print_help(argc, argv);
	noun = find_noun(argv[1]);
	if (!noun)
		return no_such("", argv[1]);
	command = find_command(noun, argc, argv, &words);
	if (command)
		return run(command, words, argc, argv);
	if (argc > 2 && !is_help(argv[2]))
		return no_such(noun->name, argv[2]);
	cli_help(argc > 2 ? stdout : stderr, noun);
	return argc > 2 ? CLI_OK : CLI_USAGE;
}
