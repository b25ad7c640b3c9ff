/* Redis for several users: what each service's may do, and what only an
 * administrator does. All of it follows from protocol/messages/redis.def. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hex.h"
#include "common/private_file.h"
#include "common/sha256.h"
#include "common/store.h"
#include "common/store_ask.h"
#include "hook_lua.h"
#include "msg.h"
#include "services/kalypso/logs.h"
#include "services/kalypso/session.h"

enum { PATH_ROOM = 512, PASSWORD_SIZE = 32, WHY_ROOM = 600 };

static const char *const services[] = {
#define SERVICE(folder, noun) folder,
#include "protocol/messages/links.def"
};
enum { SERVICES = sizeof services / sizeof services[0] };

static const struct {
	const char *log, *writer;
} links[] = {
#define LINK(log, number, writer, meaning) {#log, writer},
#include "protocol/messages/links.def"
};
enum { LINKS = sizeof links / sizeof links[0] };

static const char *const folds[] = {
#define FOLD(service, reads, writes) service,
#include "protocol/messages/links.def"
};
enum { FOLDS = sizeof folds / sizeof folds[0] };

static const struct {
	const char *name, *pattern, *type;
} keys[] = {
#define KEY(name, pattern, type, writer, meaning) {#name, pattern, #type},
#include "protocol/messages/redis.def"
};
enum { KEYS = sizeof keys / sizeof keys[0] };

static const struct {
	const char *type, *reading, *writing;
} types[] = {
#define TYPE(type, reading, writing) {#type, reading, writing},
#include "protocol/messages/redis.def"
};
enum { TYPES = sizeof types / sizeof types[0] };

static const struct {
	const char *who, *rights, *key, *argument;
} grants[] = {
#define GRANT(who, rights, key, argument) {who, rights, #key, argument},
#include "protocol/messages/redis.def"
};
enum { GRANTS = sizeof grants / sizeof grants[0] };

static const struct {
	const char *who, *command;
} commands[] = {
#define CALL(who, function)   {who, "fcall|" function},
#define COMMAND(who, command) {who, command},
#include "protocol/messages/redis.def"
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

/* ---- who ---------------------------------------------------------------- */

/* The command line's own user: everything under the deployment's name. */
static const char operator_name[] = "kalypso";

static const char *log_of(const char *service)
{
	for (size_t i = 0; i < LINKS; i++)
		if (strcmp(links[i].writer, service) == 0)
			return links[i].log;
	return NULL;
}

static bool is_fold(const char *service)
{
	for (size_t i = 0; i < FOLDS; i++)
		if (strcmp(folds[i], service) == 0)
			return true;
	return false;
}

static bool is_meant(const char *who, const char *service)
{
	return strcmp(who, service) == 0 || strcmp(who, "*") == 0 ||
	       (strcmp(who, "writer") == 0 && log_of(service)) ||
	       (strcmp(who, "fold") == 0 && is_fold(service));
}

/* The listener is its generator's, and has no Redis. */
static bool has_user(const char *name)
{
	bool known = strcmp(name, operator_name) == 0;

	for (size_t i = 0; i < SERVICES; i++)
		known = known || (strcmp(services[i], name) == 0 &&
				  strcmp(name, "listener") != 0);
	return known;
}

/* ---- rules -------------------------------------------------------------- */

/* Append a rule unless it is there; @rules begins with a space. */
static void put_rule(struct buf *rules, const char *prefix, const char *rule)
{
	char word[256];
	bool there;

	snprintf(word, sizeof word, " %s%s ", prefix, rule);
	buf_put(rules, "", 1);
	there = !buf_err(rules) && strstr((const char *)rules->data, word);
	rules->size--;
	if (!there)
		buf_printf(rules, "%s", word + 1);
}

static void put_commands(struct buf *rules, const char *words)
{
	char *list = strdup(words), *rest = list, *one;

	while (list && (one = strsep(&rest, " ")))
		put_rule(rules, "+", one);
	free(list);
}

static void put_pattern(struct buf *rules, const char *deployment, size_t key,
			const char *argument, bool writes)
{
	char pattern[200];
	struct buf made = {0};

	for (const char *p = keys[key].pattern; *p; p++)
		if (strncmp(p, "{NAME}", 6) == 0) {
			buf_printf(&made, "{%s}", deployment);
			p += 5;
		} else if (*p == '%') {
			buf_printf(&made, "%s", argument);
		} else {
			buf_put(&made, p, 1);
		}
	snprintf(pattern, sizeof pattern, "%.*s", (int)made.size,
		 (const char *)made.data);
	buf_free(&made);
	put_rule(rules, writes ? "~" : "%R~", pattern);
}

/* A grant's argument is a word for some: each of them. */
static void put_patterns(struct buf *rules, const char *deployment,
			 const char *service, size_t key, const char *argument,
			 bool writes)
{
	char own[64];

	if (strcmp(argument, "READS") == 0) {
		for (size_t i = 0; i < LINKS; i++)
			if (msg_passes(links[i].writer, service))
				put_pattern(rules, deployment, key,
					    links[i].log, writes);
		return;
	}
	if (strcmp(argument, "LOG") == 0)
		argument = log_of(service);
	else if (strncmp(argument, "SELF", 4) == 0) {
		snprintf(own, sizeof own, "%s%s", service, argument + 4);
		argument = own;
	}
	put_pattern(rules, deployment, key, argument, writes);
}

static void put_type(struct buf *rules, const char *type, bool writes)
{
	for (size_t i = 0; i < TYPES; i++)
		if (strcmp(types[i].type, type) == 0) {
			put_commands(rules, types[i].reading);
			if (writes)
				put_commands(rules, types[i].writing);
		}
}

static void put_grants(struct buf *rules, const char *deployment,
		       const char *service)
{
	for (size_t i = 0; i < GRANTS; i++) {
		bool writes = strcmp(grants[i].rights, "rw") == 0;

		if (!is_meant(grants[i].who, service))
			continue;
		for (size_t k = 0; k < KEYS; k++)
			if (strcmp(keys[k].name, grants[i].key) == 0) {
				put_type(rules, keys[k].type, writes);
				put_patterns(rules, deployment, service, k,
					     grants[i].argument, writes);
			}
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (is_meant(commands[i].who, service))
			put_commands(rules, commands[i].command);
}

static void put_all(struct buf *rules, const char *deployment)
{
	buf_printf(rules,
		   "~kalypso:{%s}:* +@read +@write -@dangerous +fcall "
		   "+function|list +function|load +config|get +info +acl|load "
		   "+acl|log "
		   "+acl|whoami +multi +exec +discard +time +scan",
		   deployment);
}

/* "user NAME-SERVICE on #HASH …": what each row gives, one after the other. */
static void put_user(struct buf *out, const char *deployment,
		     const char *service, const char *password)
{
	char hash[HEX_ROOM(32)];
	struct buf rules = {0};
	struct hash32 h;

	buf_put(&rules, " ", 1);
	sha256_of(&h, password, strlen(password));
	hex_encode(hash, h.bytes, sizeof h.bytes);
	buf_printf(out, "user %s-%s reset on #%s -@all", deployment, service,
		   hash + 2);
	if (strcmp(service, operator_name) == 0)
		put_all(&rules, deployment);
	else
		put_grants(&rules, deployment, service);
	buf_printf(out, "%.*s\n", (int)rules.size, (const char *)rules.data);
	buf_free(&rules);
}

/* ---- users -------------------------------------------------------------- */

struct users_options {
	bool apart, probe, replace;
};

static enum cli_exit make_folder(struct cli *cli, const char *path)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE, "%s: %s", path, strerror(errno));
}

/* FOLDER/NAME.password; with --apart each has a folder of its own. */
static enum cli_exit place_password(struct cli *cli, char out[PATH_ROOM],
				    const char *name, bool apart)
{
	const char *folder = cli->args.v[0];
	enum cli_exit x = CLI_OK;

	snprintf(out, PATH_ROOM, "%s/%s", folder, name);
	if (apart)
		x = make_folder(cli, out);
	snprintf(out, PATH_ROOM, "%s/%s%s", folder, name,
		 apart ? "/redis-password" : ".password");
	return x;
}

/* FOLDER/users.acl, with --apart in a folder for Redis. */
static enum cli_exit place_acl(struct cli *cli, char out[PATH_ROOM], bool apart)
{
	const char *folder = cli->args.v[0];
	enum cli_exit x = CLI_OK;

	snprintf(out, PATH_ROOM, "%s/redis", folder);
	if (apart)
		x = make_folder(cli, out);
	snprintf(out, PATH_ROOM, "%s%s/users.acl", folder,
		 apart ? "/redis" : "");
	return x;
}

/* What a file of place_password() holds. */
static enum cli_exit read_password(struct cli *cli, const char *path,
				   char out[HEX_ROOM(PASSWORD_SIZE)])
{
	char why[WHY_ROOM];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, 2 * PASSWORD_SIZE);
	enum err e = fd < 0 ? ERR_CONFIG
			    : private_file_check(fd, path, why, sizeof why);

	if (fd >= 0)
		close(fd);
	if (fd >= 0 && e)
		return cli_fail(cli, CLI_USAGE, "%s", why);
	if (n != 2 * PASSWORD_SIZE)
		return cli_fail(cli, CLI_USAGE,
				"%s: it isn't one that this command wrote: "
				"give --replace for another",
				path);
	out[n] = 0;
	return CLI_OK;
}

/* As a whole or not at all. */
static enum cli_exit write_file(struct cli *cli, const char *path,
				const char *text)
{
	char aside[PATH_ROOM + 8];
	size_t size = strlen(text);
	bool good;
	int fd;

	snprintf(aside, sizeof aside, "%s.new", path);
	unlink(aside);
	fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	good = fd >= 0 && write(fd, text, size) == (ssize_t)size &&
	       fsync(fd) == 0 && rename(aside, path) == 0;
	if (fd >= 0)
		close(fd);
	return good ? CLI_OK
		    : cli_fail(cli, CLI_USAGE, "%s: %s", path, strerror(errno));
}

static enum cli_exit make_password(struct cli *cli, const char *path,
				   char out[HEX_ROOM(PASSWORD_SIZE)])
{
	uint8_t random[PASSWORD_SIZE];
	char text[HEX_ROOM(PASSWORD_SIZE)];

	if (getrandom(random, sizeof random, 0) != sizeof random)
		return cli_fail(cli, CLI_FAILED, "no random numbers");
	hex_encode(text, random, sizeof random);
	snprintf(out, HEX_ROOM(PASSWORD_SIZE), "%s", text + 2);
	return write_file(cli, path, out);
}

static enum cli_exit add_user(struct cli *cli, struct buf *acl,
			      const char *service,
			      const struct users_options *o)
{
	char path[PATH_ROOM], password[HEX_ROOM(PASSWORD_SIZE)], user[80];
	enum cli_exit x = place_password(cli, path, service, o->apart);
	bool had;

	if (x)
		return x;
	had = access(path, F_OK) == 0 && !o->replace;
	x = had ? read_password(cli, path, password)
		: make_password(cli, path, password);
	if (x)
		return x;
	put_user(acl, cli_deployment(cli), service, password);
	snprintf(user, sizeof user, "%s-%s", cli_deployment(cli), service);
	cli_begin(cli->out, NULL);
	cli_put_text(cli->out, "service", "Service", service);
	cli_put_text(cli->out, "user", "User", user);
	cli_put_text(cli->out, "password_file", "Password", path);
	cli_put_bool(cli->out, "made", NULL, !had);
	cli_end(cli->out);
	return CLI_OK;
}

static enum cli_exit users(struct cli *cli, const void *options)
{
	const struct users_options *o = options;
	char path[PATH_ROOM];
	struct buf acl = {0};
	enum cli_exit x = make_folder(cli, cli->args.v[0]);

	if (x)
		return x;
	/* Nobody can be it. Redis itself is, while it reads its append-only
	 * file, and leaves out every transaction that it may not do. */
	buf_printf(&acl, "user default off ~* &* +@all\n");
	if (o->probe)
		buf_printf(&acl, "user %s-probe reset on nopass -@all +ping\n",
			   cli_deployment(cli));
	cli_begin_list(cli->out, "users", NULL);
	for (size_t i = 0; i < SERVICES && !x; i++)
		if (has_user(services[i]))
			x = add_user(cli, &acl, services[i], o);
	if (!x)
		x = add_user(cli, &acl, operator_name, o);
	cli_end(cli->out);
	buf_put(&acl, "", 1);
	if (!x)
		x = place_acl(cli, path, o->apart);
	if (!x && buf_err(&acl))
		x = cli_fail(cli, CLI_FAILED, "out of memory");
	if (!x)
		x = write_file(cli, path, (const char *)acl.data);
	if (!x)
		cli_put_text(cli->out, "acl_file", "ACL file", path);
	buf_free(&acl);
	return x;
}

/* ---- load --------------------------------------------------------------- */

static enum cli_exit load(struct cli *cli, const void *options)
{
	struct store *store;
	enum cli_exit x = cli_new_store(cli, &store);

	(void)options;
	if (x)
		return x;
	store_add_functions(store, hook_lua);
	x = cli_stored(cli, store_check(store));
	if (!x)
		cli_put_text(cli->out, "loaded", "Loaded",
			     "kalypso, kalypso_hook");
	store_close(&store);
	return x;
}

/* ---- the table ---------------------------------------------------------- */

/* clang-format off */
static const struct cli_option users_rows[] = {
	CLI_OPTION(users_options, FLAG, apart, "apart", NULL, "FOLDER/SERVICE/redis-password and FOLDER/redis/users.acl, for containers that see one of these folders each", false),
	CLI_OPTION(users_options, FLAG, probe, "probe", NULL, "also a user NAME-probe, for health checks: without a password, may only PING", false),
	CLI_OPTION(users_options, FLAG, replace, "replace", NULL, "make other passwords where there are some", false),
	{0}};

const struct cli_command cli_redis_commands[] = {
	{.noun = "redis", .verb = "users", .args = "FOLDER", .args_min = 1, .args_max = 1,
	 .needs = CLI_NEEDS_REDIS,
	 .summary = "write users of Redis, one for each service",
	 .more = "FOLDER/users.acl is what Redis' aclfile names, FOLDER/SERVICE.password what\nKALYPSO_REDIS_PASSWORD_FILE names. Passwords that are there stay.",
	 .examples = "  kalypso redis users /etc/kalypso/redis --name=main\n",
	 .options = users_rows, .options_size = sizeof(struct users_options), .run = users},
	{.noun = "redis", .verb = "load", .args = "",
	 .needs = CLI_NEEDS_REDIS,
	 .summary = "load this version's functions into Redis, and check its settings",
	 .more = "For services whose users may not.",
	 .examples = "  kalypso redis load --redis=redis://main-kalypso@127.0.0.1 --name=main \\\n    --redis-password-file=/etc/kalypso/redis/kalypso.password\n",
	 .run = load},
	{0}};
/* clang-format on */
