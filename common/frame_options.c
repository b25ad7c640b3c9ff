/* What every service is told: its options, its folder, its keys. */
#include "common/frame_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/key.h"
#include "common/listen.h"
#include "common/log.h"

#define OPT(kind, name, fallback, unit, meaning)                               \
	{#name,	   CONF_##kind, offsetof(struct frame_options, name),          \
	 fallback, unit,	meaning},
static const struct conf_row frame_rows[] = {
#include "common/frame.def"
	{0}};
#define OPT(kind, name, fallback, unit, meaning)                               \
	{#name,	   CONF_##kind, offsetof(struct market_options, name),         \
	 fallback, unit,	meaning},
static const struct conf_row market_rows[] = {
#include "common/market.def"
	{0}};

/* ---- options ------------------------------------------------------------ */

enum err frame_options_read(struct frame *f, int argc, char **argv)
{
	const struct service *s = f->service;
	struct conf_table tables[3];
	struct conf_program program = {
		.name = s->name, .summary = s->summary, .tables = tables};

	if (s->options)
		tables[program.tables_count++] = (struct conf_table){
			s->options, (char *)f->self + s->options_offset};
	if (s->market)
		tables[program.tables_count++] =
			(struct conf_table){market_rows, &f->market};
	tables[program.tables_count++] =
		(struct conf_table){frame_rows, &f->options};
	return conf_read(&program, argc, argv);
}

enum err frame_options_read_few(struct frame_options *out, const char *name,
				const char *summary, struct conf_table more,
				int argc, char **argv)
{
	const struct conf_table tables[] = {more, {frame_rows, out}};
	const struct conf_program program = {name, summary, tables, 2, true};

	return conf_read(&program, argc, argv);
}

enum err frame_options_check(struct frame *f)
{
	const char *instance = f->options.instance;
	enum log_level level;

	if (log_level_parse(&level, f->options.log_level)) {
		fprintf(stderr,
			"%s: --log-level: %s is not debug, info, warn "
			"or error\n",
			f->service->name, f->options.log_level);
		return ERR_CONFIG;
	}
	if (strcmp(f->options.log_format, "human") != 0 &&
	    strcmp(f->options.log_format, "json") != 0) {
		fprintf(stderr, "%s: --log-format: %s is not human or json\n",
			f->service->name, f->options.log_format);
		return ERR_CONFIG;
	}
	log_open(f->service->name, level, *f->options.log_format == 'j');
	if (!*instance || strlen(instance) > 32 ||
	    instance[strspn(instance,
			    "abcdefghijklmnopqrstuvwxyz0123456789-")]) {
		log_error("config.instance",
			  "instance=\"%s\" text=\"1 to 32 of "
			  "a-z, 0-9 and -\"",
			  instance);
		return ERR_CONFIG;
	}
	if (f->options.admin_port > 65535 || f->market.lease > 60000 ||
	    (f->service->market &&
	     (f->market.lease < 200 || f->market.depth < 16 ||
	      f->market.depth > 100000 || f->market.log_keep < 16 ||
	      !f->market.quarantine_max))) {
		log_error("config.range",
			  "text=\"--admin-port is at most 65535, --lease 200 "
			  "to 60000 ms, --depth 16 to 100000 blocks, "
			  "--log-keep at least 16 entries, --quarantine-max "
			  "at least 1\"");
		return ERR_CONFIG;
	}
	if (!f->options.admin_open && listen_is_public(f->options.admin_host)) {
		log_error("config.admin_host",
			  "host=%s text=\"strangers would read metrics there: "
			  "give an address of an inner network, or say "
			  "--admin-open\"",
			  f->options.admin_host);
		return ERR_CONFIG;
	}
	return ERR_NONE;
}

/* ---- state folder ------------------------------------------------------- */

const char *frame_folder(const struct frame *f, char out[FRAME_PATH_ROOM])
{
	snprintf(out, FRAME_PATH_ROOM, "%s/%s.%s", f->options.state_dir,
		 f->service->name, f->options.instance);
	return out;
}

enum err frame_lock_folder(struct frame *f)
{
	char path[FRAME_PATH_ROOM], lock[FRAME_PATH_ROOM + 8];

	frame_folder(f, path);
	if ((mkdir(f->options.state_dir, 0700) && errno != EEXIST) ||
	    (mkdir(path, 0700) && errno != EEXIST)) {
		log_error("state.folder",
			  "path=%s text=\"%s: give a folder that can be "
			  "written, and has room, with --state-dir\"",
			  path, strerror(errno));
		return ERR_CONFIG;
	}
	snprintf(lock, sizeof lock, "%s/lock", path);
	f->lock = open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (f->lock < 0 && errno == EROFS) /* it may become writable */
		f->lock = open(lock, O_RDONLY | O_CLOEXEC);
	if (f->lock >= 0 && flock(f->lock, LOCK_EX | LOCK_NB) == 0)
		return ERR_NONE;
	if (f->lock >= 0 && errno == EWOULDBLOCK)
		log_error("state.locked",
			  "path=%s text=\"this instance is running already: "
			  "stop it, or give another --instance\"",
			  lock);
	else
		log_error("state.folder",
			  "path=%s text=\"%s: make room there, let this "
			  "service's user write there, or give another folder "
			  "with --state-dir\"",
			  lock, strerror(errno));
	return ERR_CONFIG;
}

/* ---- the bus ------------------------------------------------------------ */

enum err frame_bus_options(struct frame *f)
{
	const struct market_options *m = &f->market;
	enum err e = ERR_NONE;

	f->bus_config = (struct bus_config){.at = m->bus,
					    .bind = m->bus_bind,
					    .instances = m->instances,
					    .open = m->bus_open};
	if (!*m->bus_key_file != !*m->bus_allow) {
		log_error("config.bus_key_file",
			  "text=\"--bus-key-file and --bus-allow go together: "
			  "give both, as 'kalypso keys make' wrote them, or "
			  "neither\"");
		return ERR_CONFIG;
	}
	if (*m->bus_key_file)
		e = bus_keys_open(&f->bus_config.keys, f->service->name,
				  m->bus_key_file, m->bus_allow);
	return e ? e
		 : bus_check(&f->bus_config, f->service->name,
			     f->options.instance);
}

/* ---- keys --------------------------------------------------------------- */

enum err frame_key(struct secret_key **out, const char *name, const char *text,
		   const char *password)
{
	struct key_source source = {.hex = text};
	struct keystore keystore;
	struct key_why why;
	enum err e;

	if (*text == '{') {
		e = keystore_parse(&keystore, text, strlen(text), &why);
		if (!e)
			e = keystore_open(out, &keystore, password, &why);
	} else {
		e = key_load(out, &source, &why);
	}
	if (e)
		log_error("config.key", "option=%s text=\"%s\"", name,
			  why.text);
	return e;
}
