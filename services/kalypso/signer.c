/* From files, the environment and the market file to one key. */
#include "services/kalypso/signer.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/key.h"
#include "common/private_file.h"
#include "services/kalypso/terminal.h"
#include "services/kalypso/text.h"

enum { PASSWORD_ROOM = 1024, ROLE_ROOM = 64, WHY_ROOM = 512 };

/* ---- passwords ---------------------------------------------------------- */

void cli_password_free(char **password)
{
	sodium_free(*password);
	*password = NULL;
}

static enum cli_exit read_password_file(struct cli *cli, char *out)
{
	const char *path = cli->common.password_file;
	char open_to[WHY_ROOM] = "";
	FILE *f = fopen(path, "r");
	bool bad = f && private_file_check(fileno(f), path, open_to, WHY_ROOM);
	char *line = f && !bad ? fgets(out, PASSWORD_ROOM, f) : NULL;
	int why = errno;

	if (f)
		fclose(f);
	if (bad)
		return cli_fail(cli, CLI_USAGE, "--password-file %s", open_to);
	if (!line)
		return cli_fail(cli, CLI_USAGE, "--password-file %s: %s", path,
				f ? "it is empty" : strerror(why));
	out[strcspn(out, "\r\n")] = 0;
	return CLI_OK;
}

static enum cli_exit ask_twice(struct cli *cli, const char *first)
{
	char *second = sodium_malloc(PASSWORD_ROOM);
	enum cli_exit x = CLI_OK;

	if (!second ||
	    !cli_ask_password(second, PASSWORD_ROOM, "The same again"))
		x = cli_fail(cli, CLI_INTERRUPTED, "no password was given");
	else if (strcmp(first, second) != 0)
		x = cli_fail(cli, CLI_USAGE,
			     "the two passwords differ: begin again");
	sodium_free(second);
	return x;
}

enum cli_exit cli_password(struct cli *cli, char **out, const char *question,
			   bool twice)
{
	enum cli_exit x = CLI_OK;

	*out = sodium_init() < 0 ? NULL : sodium_malloc(PASSWORD_ROOM);
	if (!*out)
		return cli_fail(cli, CLI_FAILED, "out of memory");
	if (cli->common.password_file)
		x = read_password_file(cli, *out);
	else if (!cli_can_ask())
		x = cli_fail(cli, CLI_USAGE,
			     "%s? Nobody can be asked: give --password-file "
			     "FILE, or set $KALYPSO_PASSWORD_FILE",
			     question);
	else if (!cli_ask_password(*out, PASSWORD_ROOM, question))
		x = cli_fail(cli, CLI_INTERRUPTED, "no password was given");
	else if (twice)
		x = ask_twice(cli, *out);
	if (!x && !**out)
		x = cli_fail(cli, CLI_USAGE, "the password is empty");
	if (x)
		cli_password_free(out);
	return x;
}

/* ---- sources ------------------------------------------------------------ */

static bool is_keystore(const char *path)
{
	FILE *f = fopen(path, "r");
	int c = f ? fgetc(f) : EOF;

	if (f)
		fclose(f);
	return c == '{';
}

static enum cli_exit load(struct cli *cli, struct key_source *source,
			  const char *where)
{
	struct key_why why;
	char *password = NULL;
	enum cli_exit x = CLI_OK;

	if (source->path && is_keystore(source->path)) {
		char question[512];

		snprintf(question, sizeof question, "Password of %.400s",
			 source->path);
		x = cli_password(cli, &password, question, false);
		source->password = password;
	}
	if (!x && key_load(&cli->key, source, &why))
		x = cli_fail(cli, CLI_USAGE, "%s: %s", where,
			     *why.text ? why.text : "out of memory");
	cli_password_free(&password);
	return x;
}

static enum cli_exit load_file(struct cli *cli, const char *path,
			       const char *where)
{
	struct key_source source = {.path = path};

	return load(cli, &source, where);
}

/* The key in variable @name, which is wiped: children needn't know it. */
static enum cli_exit load_variable(struct cli *cli, const char *name)
{
	char *hex = getenv(name);
	struct key_source source = {.hex = hex};
	char where[256];
	enum cli_exit x;

	if (!hex || !*hex)
		return cli_fail(cli, CLI_USAGE,
				"--from-env: the environment has no %s", name);
	snprintf(where, sizeof where, "environment variable %.200s", name);
	x = load(cli, &source, where);
	sodium_memzero(hex, strlen(hex));
	return x;
}

/* ---- the market file ---------------------------------------------------- */

/* "generator:2" to accounts.generators[2]. */
static json_t *find_account(const json_t *accounts, const char *role)
{
	char name[ROLE_ROOM], plural[ROLE_ROOM + 1];
	const char *colon = strchr(role, ':');
	uint64_t index = 0;
	json_t *found;

	if (colon && cli_parse_u64(&index, colon + 1))
		return NULL;
	snprintf(name, sizeof name, "%.*s",
		 (int)(colon ? colon - role : ROLE_ROOM), role);
	snprintf(plural, sizeof plural, "%ss", name);
	found = json_object_get(accounts, name);
	if (!found)
		found = json_object_get(accounts, plural);
	return json_is_array(found) ? json_array_get(found, index) : found;
}

static enum cli_exit load_role(struct cli *cli, const char *role)
{
	const json_t *account =
		find_account(json_object_get(cli->market, "accounts"), role);
	struct key_source source = {
		.hex = json_string_value(json_object_get(account, "key"))};
	char where[512];

	if (!cli->market)
		return cli_fail(cli, CLI_USAGE,
				"--as %s: give the market file that has the "
				"account with --market-file",
				role);
	if (!source.hex)
		return cli_fail(cli, CLI_USAGE,
				"market file %s has no account '%s' with a "
				"key: name another with --as, or give "
				"--keystore FILE",
				cli->common.market_file, role);
	snprintf(where, sizeof where, "market file %.200s, account %.100s",
		 cli->common.market_file, role);
	return load(cli, &source, where);
}

static bool has_role(const struct cli *cli)
{
	return cli->command->role &&
	       find_account(json_object_get(cli->market, "accounts"),
			    cli->command->role);
}

/* ---- choosing ----------------------------------------------------------- */

static enum cli_exit take_from(struct cli *cli)
{
	if (!cli->common.dry_run)
		return cli_fail(cli, CLI_USAGE,
				"--from is for --dry-run: to send, give a key");
	cli->account = cli->common.from.v;
	cli->has_account = true;
	return CLI_OK;
}

static enum cli_exit load_any(struct cli *cli)
{
	const struct cli_common *c = &cli->common;
	const char *file = getenv("KALYPSO_KEY_FILE");
	const char *hex = getenv("KALYPSO_KEY");

	if ((c->keystore != NULL) + (c->from_env != NULL) + (c->as != NULL) +
		    c->from.given >
	    1)
		return cli_fail(cli, CLI_USAGE,
				"one account at a time: --keystore, "
				"--from-env, --as or --from");
	if (c->from.given)
		return take_from(cli);
	if (c->keystore)
		return load_file(cli, c->keystore, "--keystore");
	if (c->from_env)
		return load_variable(cli, c->from_env);
	if (c->as)
		return load_role(cli, c->as);
	if (file && *file && hex && *hex)
		return cli_fail(cli, CLI_USAGE,
				"both $KALYPSO_KEY and $KALYPSO_KEY_FILE are "
				"set: unset one");
	if (file && *file)
		return load_file(cli, file, "$KALYPSO_KEY_FILE");
	if (hex && *hex)
		return load_variable(cli, "KALYPSO_KEY");
	if (has_role(cli))
		return load_role(cli, cli->command->role);
	return cli_fail(cli, CLI_USAGE,
			"whose account? Give --keystore FILE, or set "
			"$KALYPSO_KEY_FILE or $KALYPSO_KEY");
}

enum cli_exit cli_signer_load(struct cli *cli)
{
	enum cli_exit x;

	if (cli->has_account)
		return CLI_OK;
	x = load_any(cli);
	if (!x && cli->key) {
		secret_key_address(&cli->account, cli->key);
		cli->has_account = true;
	}
	return x;
}

void cli_signer_free(struct cli *cli)
{
	secret_key_free(&cli->key);
}

enum cli_exit cli_whose(struct cli *cli, struct address *out, size_t i)
{
	enum cli_exit x;

	if (i < cli->args.count) {
		if (!address_parse(out, cli->args.v[i]))
			return CLI_OK;
		return cli_fail(cli, CLI_USAGE,
				"'%s' is no address: 0x and 40 hex digits, "
				"mixed case only with the right checksum",
				cli->args.v[i]);
	}
	x = cli_signer_load(cli);
	*out = cli->account;
	return x;
}
