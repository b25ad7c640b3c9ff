/* Written from the tables, so that nothing is forgotten. */
#include "services/kalypso/help.h"

#include <ctype.h>
#include <string.h>

#include "services/kalypso/args.h"
#include "services/kalypso/session.h"

static const char head[] =
	"Usage: kalypso COMMAND [OPTION...] [ARGUMENT...]\n"
	"The command line of Kalypso, a marketplace for zero-knowledge "
	"proofs.\n\n";

static const char tail[] =
	"\n  version           the version of this program\n"
	"  help [COMMAND]    this, or the manual of a command\n"
	"\n"
	"Where the market is:\n"
	"  KALYPSO_MARKET    file of a local market, which has everything\n"
	"  KALYPSO_RPC, KALYPSO_CONTRACTS, KALYPSO_GATEWAY    or one by one\n"
	"\n"
	"Whose account:\n"
	"  KALYPSO_KEY_FILE  file with a private key or a keystore\n"
	"  KALYPSO_KEY       a private key; better in a file\n"
	"  --keystore FILE, --from-env NAME, --as ROLE    see each command\n"
	"\n"
	"Amounts are tokens (1.25) or units (1250000u); times are seconds, or "
	"90s, 5m, 2h, 7d.\n"
	"\n"
	"Exit status:\n"
	"  0    done\n"
	"  1    refused by the contracts, failed, or ended otherwise than "
	"hoped for\n"
	"  2    options, files or deployment must be mended; nothing was sent\n"
	"  3    node, gateway or Redis can't be reached\n"
	"  4    there is no such market, request, generator or proof\n"
	"  5    it didn't happen in time; it still may\n"
	"  130  interrupted\n";

static void list_commands(FILE *to, const struct cli_noun *noun)
{
	char name[CLI_COMMAND_ROOM];

	for (const struct cli_command *c = noun->commands; c->noun; c++)
		fprintf(to, "  %-22s  %s\n", cli_command_name(name, c),
			c->summary);
}

void cli_help(FILE *to, const struct cli_noun *noun)
{
	if (noun) {
		fprintf(to,
			"Usage: kalypso %s COMMAND [OPTION...]\n%s: %s.\n\n",
			noun->name, noun->name, noun->summary);
		list_commands(to, noun);
		fprintf(to, "\nkalypso %s COMMAND --help tells more.\n",
			noun->name);
		return;
	}
	fputs(head, to);
	for (const struct cli_noun *n = cli_nouns; n->name; n++)
		list_commands(to, n);
	fputs(tail, to);
}

/* ---- docs/cli.md -------------------------------------------------------- */

static void rows_markdown(FILE *to, const struct cli_option *rows)
{
	for (const struct cli_option *o = rows; o && o->name; o++)
		fprintf(to, "| `--%s%s%s` | %s%s%s%s%s |\n", o->name,
			o->arg ? "=" : "", o->arg ? o->arg : "", o->meaning,
			o->required ? " (required)" : "", o->env ? " (`$" : "",
			o->env ? o->env : "", o->env ? "`)" : "");
}

/* Titles that have been printed; groups with the same one follow each other. */
struct titles {
	FILE *to;
	const char *last;
};

static void group_markdown(void *arg, const char *title,
			   const struct cli_option *rows)
{
	struct titles *t = arg;

	if (!t->last || strcmp(t->last, title) != 0)
		fprintf(t->to, "%s%s\n\n| option | meaning |\n|---|---|\n",
			t->last ? "\n" : "", title);
	t->last = title;
	rows_markdown(t->to, rows);
}

static void name_group(void *arg, const char *title,
		       const struct cli_option *rows)
{
	struct titles *t = arg;

	(void)rows;
	if (!t->last || strcmp(t->last, title) != 0)
		fprintf(t->to, "%s %.*s",
			t->last ? "," : "Also:", (int)strcspn(title, ":"),
			title);
	t->last = title;
}

static void command_markdown(FILE *to, const struct cli_command *c)
{
	struct titles t = {to, NULL};
	char name[CLI_COMMAND_ROOM];

	fprintf(to, "### kalypso %s%s%s\n\n%c%s.%s%s\n\n",
		cli_command_name(name, c), *c->args ? " " : "", c->args,
		toupper((unsigned char)c->summary[0]), c->summary + 1,
		c->more ? "\n\n" : "", c->more ? c->more : "");
	fprintf(to, "```sh\n%s```\n\n", c->examples);
	if (c->options)
		fputs("| option | meaning |\n|---|---|\n", to);
	rows_markdown(to, c->options);
	fputs(c->options ? "\n" : "", to);
	cli_args_groups(c->needs, name_group, &t);
	fputs(".\n\n", to);
}

void cli_help_markdown(FILE *to)
{
	struct titles t = {to, NULL};

	fputs("## Options of many commands\n\n", to);
	cli_args_groups(~(unsigned)CLI_NEEDS_PASSWORD, group_markdown, &t);
	fputs("\n## Commands\n\n", to);
	for (const struct cli_noun *n = cli_nouns; n->name; n++)
		for (const struct cli_command *c = n->commands; c->noun; c++)
			command_markdown(to, c);
}

/* ---- bash --------------------------------------------------------------- */

static void option_word(void *arg, const struct cli_option *o)
{
	fprintf(arg, " --%s%s", o->name, o->arg ? "=" : "");
}

static void complete_command(FILE *to, const struct cli_command *c)
{
	char name[CLI_COMMAND_ROOM];

	fprintf(to, "\t'%s'*) words='--help", cli_command_name(name, c));
	cli_args_each(c, option_word, to);
	fputs("' ;;\n", to);
}

static void complete_verbs(FILE *to, const struct cli_noun *n)
{
	if (!n->commands->verb)
		return;
	fprintf(to, "\t'%s ') words='", n->name);
	for (const struct cli_command *c = n->commands; c->noun; c++)
		fprintf(to, "%s ", c->verb);
	fputs("' ;;\n", to);
}

void cli_help_completion(FILE *to)
{
	fputs("# bash completion for kalypso: eval \"$(kalypso completion "
	      "bash)\"\n"
	      "_kalypso() {\n"
	      "\tlocal words word=${COMP_WORDS[COMP_CWORD]}\n"
	      "\tlocal line=\"${COMP_WORDS[*]:1:COMP_CWORD-1} \"\n"
	      "\tcase $line in\n\t' ') words='version help",
	      to);
	for (const struct cli_noun *n = cli_nouns; n->name; n++)
		fprintf(to, " %s", n->name);
	fputs("' ;;\n", to);
	for (const struct cli_noun *n = cli_nouns; n->name; n++) {
		complete_verbs(to, n);
		for (const struct cli_command *c = n->commands; c->noun; c++)
			complete_command(to, c);
	}
	fputs("\tesac\n"
	      "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
	      "\t[[ ${#COMPREPLY[@]} -gt 0 ]] || "
	      "COMPREPLY=($(compgen -f -- \"$word\"))\n"
	      "\t[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace "
	      "2>/dev/null\n"
	      "}\n"
	      "complete -F _kalypso kalypso\n",
	      to);
}
