/* Keys of the bus: made, listed, and changed while the market runs. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bus_keys.h"
#include "msg.h"
#include "services/kalypso/session.h"

enum { PATH_ROOM = 512 };

/* Those that speak or listen on the bus. */
static const char *const services[] = {
#define SERVICE(folder, noun) folder,
#include "protocol/messages/links.def"
};
enum { SERVICES = sizeof services / sizeof services[0] };

static bool is_on_bus(const char *service)
{
	for (size_t i = 0; i < SERVICES; i++)
		if (msg_passes(service, services[i]) ||
		    msg_passes(services[i], service))
			return true;
	return false;
}

/* ---- where -------------------------------------------------------------- */

/* FOLDER/SERVICE.key, FOLDER/public/SERVICE.pub; with "next" FOLDER/
 * SERVICE.next.key and so on. Returns @out. */
static const char *path_of(char out[PATH_ROOM], const struct cli *cli,
			   const char *service, const char *which, bool secret)
{
	snprintf(out, PATH_ROOM, "%s/%s%s%s%s.%s", cli->args.v[0],
		 secret ? "" : "public/", service, *which ? "." : "", which,
		 secret ? "key" : "pub");
	return out;
}

static bool is_there(const struct cli *cli, const char *service,
		     const char *which, bool secret)
{
	char path[PATH_ROOM];

	return access(path_of(path, cli, service, which, secret), F_OK) == 0;
}

static enum cli_exit make_folder(struct cli *cli, const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE,
			"%s: %s: name a folder that can be made", path,
			strerror(errno));
}

static enum cli_exit make_folders(struct cli *cli)
{
	char public[PATH_ROOM];
	enum cli_exit x = make_folder(cli, cli->args.v[0], 0700);

	snprintf(public, sizeof public, "%s/public", cli->args.v[0]);
	return x ? x : make_folder(cli, public, 0755);
}

/* ---- for each service --------------------------------------------------- */

typedef enum cli_exit each_fn(struct cli *cli, const char *service);

/* Those that were named, or all of them. */
static enum cli_exit each(struct cli *cli, each_fn *fn)
{
	const struct cli_args *args = &cli->args;
	enum cli_exit x = CLI_OK;

	for (size_t i = 1; i < args->count && !x; i++)
		x = fn(cli, args->v[i]);
	for (size_t i = 0; i < SERVICES && args->count == 1 && !x; i++)
		if (is_on_bus(services[i]))
			x = fn(cli, services[i]);
	return x;
}

static enum cli_exit check_name(struct cli *cli, const char *service)
{
	if (is_on_bus(service))
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE,
			"'%s' is no service on the bus: chain-indexer, "
			"orderbook, matcher, task-publisher, slasher-watcher "
			"or webhook-gateway",
			service);
}

static void put_key(struct cli *cli, const char *service, const char *which,
		    const uint8_t public[BUS_KEY_SIZE])
{
	char text[BUS_KEY_TEXT], path[PATH_ROOM];
	bool secret = is_there(cli, service, which, true);

	cli_begin(cli->out, NULL);
	cli_put_text(cli->out, "service", "Service", service);
	cli_put_text(cli->out, "use", "Use", *which ? which : "now");
	cli_put_text(cli->out, "public_key", "Public key",
		     bus_key_text(text, public));
	cli_put_text(cli->out, "secret_file", "Secret file",
		     secret ? path_of(path, cli, service, which, true) : "-");
	cli_end(cli->out);
}

/* A new pair into both files. */
static enum cli_exit write_pair(struct cli *cli, const char *service,
				const char *which, bool replace)
{
	char path[PATH_ROOM], why[BUS_WHY_ROOM];
	struct bus_pair pair;
	enum err e;

	if (bus_pair_make(&pair))
		return cli_fail(cli, CLI_FAILED,
				"no key can be made: is libzmq built with "
				"CURVE?");
	e = bus_pair_write(&pair, true,
			   path_of(path, cli, service, which, true), replace,
			   why);
	if (!e)
		e = bus_pair_write(&pair, false,
				   path_of(path, cli, service, which, false),
				   replace, why);
	if (!e)
		put_key(cli, service, which, pair.public);
	bus_pair_wipe(&pair);
	return e ? cli_fail(cli, CLI_USAGE, "%s", why) : CLI_OK;
}

/* ---- make --------------------------------------------------------------- */

struct make_options {
	bool replace;
};

static enum cli_exit refuse_existing(struct cli *cli, const char *service)
{
	char path[PATH_ROOM];

	for (int secret = 0; secret < 2; secret++)
		if (is_there(cli, service, "", secret))
			return cli_fail(
				cli, CLI_USAGE,
				"%s is there already: 'kalypso keys prepare' "
				"begins to change it without a gap; with "
				"--replace %s hears nobody and nobody hears it "
				"until all have the new one",
				path_of(path, cli, service, "", secret),
				service);
	return CLI_OK;
}

static enum cli_exit make_one(struct cli *cli, const char *service)
{
	return write_pair(cli, service, "", false);
}

static enum cli_exit replace_one(struct cli *cli, const char *service)
{
	return write_pair(cli, service, "", true);
}

static enum cli_exit make(struct cli *cli, const void *options)
{
	const struct make_options *o = options;
	enum cli_exit x = each(cli, check_name);

	if (!x && !o->replace)
		x = each(cli, refuse_existing);
	if (!x)
		x = make_folders(cli);
	cli_begin_list(cli->out, "keys", NULL);
	if (!x)
		x = each(cli, o->replace ? replace_one : make_one);
	cli_end(cli->out);
	return x;
}

/* ---- prepare, switch, retire -------------------------------------------- */

static enum cli_exit need(struct cli *cli, const char *service,
			  const char *which, bool secret, const char *first)
{
	char path[PATH_ROOM];

	return is_there(cli, service, which, secret)
		       ? CLI_OK
		       : cli_fail(cli, CLI_USAGE,
				  "%s isn't there: 'kalypso keys %s' makes it",
				  path_of(path, cli, service, which, secret),
				  first);
}

static enum cli_exit refuse_unfinished(struct cli *cli, const char *service,
				       const char *which, const char *verb)
{
	char path[PATH_ROOM];

	return is_there(cli, service, which, false)
		       ? cli_fail(cli, CLI_USAGE,
				  "%s is there already: end that change first, "
				  "with 'kalypso keys %s'",
				  path_of(path, cli, service, which, false),
				  verb)
		       : CLI_OK;
}

static enum cli_exit may_prepare(struct cli *cli, const char *service)
{
	enum cli_exit x = check_name(cli, service);

	if (!x)
		x = need(cli, service, "", true, "make");
	if (!x)
		x = refuse_unfinished(cli, service, "next", "switch");
	return x ? x : refuse_unfinished(cli, service, "old", "retire");
}

/* What was interrupted before its public half was there is made again. */
static enum cli_exit prepare_one(struct cli *cli, const char *service)
{
	return write_pair(cli, service, "next", true);
}

static enum cli_exit prepare(struct cli *cli, const void *options)
{
	enum cli_exit x = each(cli, may_prepare);

	(void)options;
	cli_begin_list(cli->out, "keys", NULL);
	if (!x)
		x = each(cli, prepare_one);
	cli_end(cli->out);
	return x;
}

static enum cli_exit may_switch(struct cli *cli, const char *service)
{
	enum cli_exit x = check_name(cli, service);

	if (!x)
		x = need(cli, service, "next", true, "prepare");
	if (!x)
		x = need(cli, service, "next", false, "prepare");
	return x ? x : refuse_unfinished(cli, service, "old", "retire");
}

static enum cli_exit copy_public(struct cli *cli, const char *service,
				 const char *from, const char *to,
				 struct bus_pair *pair)
{
	char path[PATH_ROOM], why[BUS_WHY_ROOM];
	enum err e = bus_pair_read(
		pair, path_of(path, cli, service, from, false), why);

	if (!e)
		e = bus_pair_write(pair, false,
				   path_of(path, cli, service, to, false), true,
				   why);
	return e ? cli_fail(cli, CLI_USAGE, "%s", why) : CLI_OK;
}

/* Both public keys are in the folder at every moment: services may read it. */
static enum cli_exit switch_one(struct cli *cli, const char *service)
{
	char from[PATH_ROOM], to[PATH_ROOM];
	struct bus_pair pair;
	enum cli_exit x = copy_public(cli, service, "", "old", &pair);

	if (!x)
		x = copy_public(cli, service, "next", "", &pair);
	if (!x && rename(path_of(from, cli, service, "next", true),
			 path_of(to, cli, service, "", true)))
		x = cli_fail(cli, CLI_FAILED, "%s: %s", to, strerror(errno));
	if (!x && unlink(path_of(from, cli, service, "next", false)))
		x = cli_fail(cli, CLI_FAILED, "%s: %s", from, strerror(errno));
	if (!x)
		put_key(cli, service, "", pair.public);
	return x;
}

static enum cli_exit switch_keys(struct cli *cli, const void *options)
{
	enum cli_exit x = each(cli, may_switch);

	(void)options;
	cli_begin_list(cli->out, "keys", NULL);
	if (!x)
		x = each(cli, switch_one);
	cli_end(cli->out);
	return x;
}

static enum cli_exit may_retire(struct cli *cli, const char *service)
{
	enum cli_exit x = check_name(cli, service);

	return x ? x : need(cli, service, "old", false, "switch");
}

static enum cli_exit retire_one(struct cli *cli, const char *service)
{
	char path[PATH_ROOM];

	if (unlink(path_of(path, cli, service, "old", false)))
		return cli_fail(cli, CLI_FAILED, "%s: %s", path,
				strerror(errno));
	cli_begin(cli->out, NULL);
	cli_put_text(cli->out, "service", "Service", service);
	cli_put_text(cli->out, "removed", "Removed", path);
	cli_end(cli->out);
	return CLI_OK;
}

static enum cli_exit retire(struct cli *cli, const void *options)
{
	enum cli_exit x = each(cli, may_retire);

	(void)options;
	cli_begin_list(cli->out, "keys", NULL);
	if (!x)
		x = each(cli, retire_one);
	cli_end(cli->out);
	return x;
}

/* ---- list --------------------------------------------------------------- */

static int is_key(const struct dirent *entry)
{
	char role[BUS_ROLE_ROOM];

	return bus_key_role(role, entry->d_name);
}

/* @name: SERVICE.pub, SERVICE.next.pub … */
static enum cli_exit list_one(struct cli *cli, const char *name)
{
	char path[PATH_ROOM], why[BUS_WHY_ROOM], role[BUS_ROLE_ROOM];
	char which[PATH_ROOM] = "";
	struct bus_pair pair;

	snprintf(path, sizeof path, "%s/public/%s", cli->args.v[0], name);
	if (bus_pair_read(&pair, path, why))
		return cli_fail(cli, CLI_USAGE, "%s", why);
	bus_key_role(role, name);
	name += strlen(role);
	if (strlen(name) > strlen(".pub"))
		snprintf(which, sizeof which, "%.*s",
			 (int)(strlen(name) - strlen("..pub")), name + 1);
	put_key(cli, role, which, pair.public);
	bus_pair_wipe(&pair);
	return CLI_OK;
}

static enum cli_exit list(struct cli *cli, const void *options)
{
	char folder[PATH_ROOM];
	struct dirent **names;
	enum cli_exit x = CLI_OK;
	int n;

	(void)options;
	snprintf(folder, sizeof folder, "%s/public", cli->args.v[0]);
	n = scandir(folder, &names, is_key, alphasort);
	if (n < 0)
		return cli_fail(
			cli, CLI_USAGE,
			"%s: %s: name the folder of 'kalypso keys make'",
			folder, strerror(errno));
	cli_begin_list(cli->out, "keys", "no keys");
	for (int i = 0; i < n; i++) {
		if (!x)
			x = list_one(cli, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	cli_end(cli->out);
	return x;
}

/* ---- the table ---------------------------------------------------------- */

/* clang-format off */
static const struct cli_option make_rows[] = {
	CLI_OPTION(make_options, FLAG, replace, "replace", NULL, "make others where there are some: the bus is cut until all have them", false),
	{0}};

const struct cli_command cli_keys_commands[] = {
	{.noun = "keys", .verb = "make", .args = "FOLDER [SERVICE...]", .args_min = 1, .args_max = 1 + SERVICES,
	 .summary = "make keys of the bus for services, or all of them",
	 .more = "A service needs FOLDER/SERVICE.key (--bus-key-file) and FOLDER/public (--bus-allow).",
	 .examples = "  kalypso keys make /etc/kalypso/bus\n",
	 .options = make_rows, .options_size = sizeof(struct make_options), .run = make},
	{.noun = "keys", .verb = "list", .args = "FOLDER", .args_min = 1, .args_max = 1,
	 .summary = "the keys in a folder",
	 .examples = "  kalypso keys list /etc/kalypso/bus --json\n",
	 .run = list},
	{.noun = "keys", .verb = "prepare", .args = "FOLDER [SERVICE...]", .args_min = 1, .args_max = 1 + SERVICES,
	 .summary = "change keys, first: make the next ones beside them",
	 .more = "Then bring FOLDER/public to every machine. Running services read it within seconds, and accept both keys.",
	 .examples = "  kalypso keys prepare /etc/kalypso/bus matcher\n",
	 .run = prepare},
	{.noun = "keys", .verb = "switch", .args = "FOLDER [SERVICE...]", .args_min = 1, .args_max = 1 + SERVICES,
	 .summary = "change keys, second: the next ones are used",
	 .more = "Then bring FOLDER/SERVICE.key to its service, and FOLDER/public to every machine.",
	 .examples = "  kalypso keys switch /etc/kalypso/bus matcher\n",
	 .run = switch_keys},
	{.noun = "keys", .verb = "retire", .args = "FOLDER [SERVICE...]", .args_min = 1, .args_max = 1 + SERVICES,
	 .summary = "change keys, last: the old ones are let in no more",
	 .more = "Then bring FOLDER/public to every machine.",
	 .examples = "  kalypso keys retire /etc/kalypso/bus matcher\n",
	 .run = retire},
	{0}};
/* clang-format on */
