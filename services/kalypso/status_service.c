/* Rows of the frame, of folds and of a service's own, from its details. */
#include "services/kalypso/status_service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "services/kalypso/gateway.h"
#include "services/kalypso/text.h"

enum { DETAILS_ROOM = 512, CELL_ROOM = 96 };

static const char *detail(const json_t *service, const char *name)
{
	return cli_json_text(json_object_get(service, "details"), name);
}

static uint64_t detail_id(const json_t *service, const char *name)
{
	return cli_json_id(json_object_get(service, "details"), name);
}

/* ---- cells -------------------------------------------------------------- */

static void put_block(struct cli_out *o, const json_t *service, uint64_t newest)
{
	uint64_t block = cli_json_id(service, "block");
	uint64_t lag = newest > block ? newest - block : 0;
	bool known = *cli_json_text(service, "block");
	char text[24];

	cli_put_json(o, "block",
		     known ? json_string(cli_json_text(service, "block"))
			   : json_null());
	cli_put_text(o, NULL, "Block",
		     known ? cli_json_text(service, "block") : "-");
	snprintf(text, sizeof text, "%" PRIu64, lag);
	cli_put_text(o, NULL, "Lag", known ? text : "-");
	cli_put_json(o, "lag",
		     known ? json_integer((json_int_t)lag) : json_null());
}

/* Each log that it reads: how far, and how many entries are left. */
static void put_inputs(struct cli_out *o, const json_t *service,
		       const struct status_logs *logs)
{
	json_t *inputs = json_array();
	uint64_t all = 0;
	char text[24];

	for (size_t i = 0; i < CLI_LOGS; i++) {
		char name[32], id[24];
		uint64_t read, behind;

		snprintf(name, sizeof name, "read_%s", cli_logs[i].name);
		if (!*detail(service, name))
			continue;
		read = detail_id(service, name);
		behind = logs->newest[i] > read ? logs->newest[i] - read : 0;
		all += behind;
		snprintf(id, sizeof id, "%" PRIu64, read);
		json_array_append_new(inputs,
				      json_pack("{s:s,s:s,s:I}", "log",
						cli_logs[i].name, "read", id,
						"behind", (json_int_t)behind));
	}
	snprintf(text, sizeof text, "%" PRIu64, all);
	cli_put_text(o, NULL, "Behind", json_array_size(inputs) ? text : "-");
	cli_put_json(o, "inputs", inputs);
}

/* "entry 1200, 5 min ago"; the document has both, or null. */
static void put_snapshot(struct cli_out *o, const json_t *service)
{
	char text[CELL_ROOM] = "-", age[CLI_SECONDS_ROOM];
	const char *entry = detail(service, "snapshot");
	uint64_t age_s = detail_id(service, "snapshot_age_s");
	bool known = *entry && strcmp(entry, "0") != 0;

	if (known)
		snprintf(text, sizeof text, "%.24s, %s ago", entry,
			 cli_format_seconds(age, age_s));
	cli_put_text(o, NULL, "Snapshot", text);
	cli_put_json(o, "snapshot",
		     known ? json_pack("{s:s,s:I}", "entry", entry, "age_s",
				       (json_int_t)age_s)
			   : json_null());
}

static void put_rolled_back(struct cli_out *o, const json_t *service)
{
	char text[CELL_ROOM] = "-", ago[CLI_SECONDS_ROOM], at[CLI_TIME_ROOM];
	struct unix_s when = {detail_id(service, "rolled_back_at")};
	uint64_t blocks = detail_id(service, "rolled_back");
	uint64_t now = (uint64_t)time(NULL);

	if (when.v)
		snprintf(text, sizeof text, "%" PRIu64 " blocks, %s ago",
			 blocks,
			 cli_format_seconds(ago,
					    now > when.v ? now - when.v : 0));
	cli_put_text(o, NULL, "Roll-back", text);
	cli_put_json(o, "rolled_back",
		     when.v ? json_pack("{s:I,s:s}", "blocks",
					(json_int_t)blocks, "at",
					cli_format_time(at, when))
			    : json_null());
}

static void put_alarms(struct cli_out *o, const json_t *service)
{
	const char *names = detail(service, "alarms");
	json_t *list = json_array();

	cli_put_text(o, NULL, "Alarms", *names ? names : "-");
	while (*names) {
		size_t n = strcspn(names, " ");

		json_array_append_new(list, json_stringn(names, n));
		names += n + (names[n] != 0);
	}
	cli_put_json(o, "alarms", list);
}

/* What is left, or why it isn't ready. */
static const char *details_text(char out[DETAILS_ROOM], const json_t *service)
{
	static const char *const shown[] = {
		"pid",	       "admin_port",  "lease",	"cursor", "snapshot",
		"rolled_back", "quarantined", "alarms", "read"};
	json_t *details = json_object_get(service, "details");
	const char *name;
	json_t *value;
	size_t n = 0;

	*out = 0;
	if (!json_is_true(json_object_get(service, "ready"))) {
		snprintf(out, DETAILS_ROOM, "%s",
			 cli_json_text(service, "why"));
		return out;
	}
	json_object_foreach (details, name, value) {
		bool left = json_is_string(value);

		for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
			size_t size = strlen(shown[i]);

			if (strncmp(name, shown[i], size) == 0 &&
			    (!name[size] || name[size] == '_'))
				left = false;
		}
		if (left && n < DETAILS_ROOM)
			n += (size_t)snprintf(out + n, DETAILS_ROOM - n,
					      "%s%s=%s", n ? " " : "", name,
					      json_string_value(value));
	}
	return out;
}

/* ---- the row ------------------------------------------------------------ */

void cli_put_service(struct cli *cli, const json_t *service,
		     const struct status_logs *logs)
{
	char text[DETAILS_ROOM], up[CLI_SECONDS_ROOM];
	const char *lease = detail(service, "lease");
	struct cli_out *o = cli->out;

	cli_begin(o, NULL);
	cli_put_text(o, "service", "Service",
		     cli_json_text(service, "service"));
	cli_put_text(o, "instance", "Copy", cli_json_text(service, "instance"));
	cli_put_bool(o, "ready", "Ready",
		     json_is_true(json_object_get(service, "ready")));
	cli_put_json(o, "lease", *lease ? json_string(lease) : json_null());
	cli_put_text(o, NULL, "Lease", *lease ? lease : "-");
	put_block(o, service, logs->block);
	put_inputs(o, service, logs);
	cli_put_json(o, "cursor",
		     *detail(service, "cursor")
			     ? json_string(detail(service, "cursor"))
			     : json_null());
	put_snapshot(o, service);
	put_rolled_back(o, service);
	cli_put_id(o, "quarantined", "Quarantined",
		   detail_id(service, "quarantined"));
	cli_put_text(o, NULL, "Up",
		     cli_format_seconds(up, cli_json_id(service, "up_s")));
	put_alarms(o, service);
	cli_put_text(o, NULL, "Details", details_text(text, service));
	cli_put_text(o, "why", NULL, cli_json_text(service, "why"));
	cli_put_text(o, "version", NULL, cli_json_text(service, "version"));
	cli_put_id(o, "up_s", NULL, cli_json_id(service, "up_s"));
	cli_put_json(o, "details",
		     json_incref(json_object_get(service, "details")));
	cli_end(o);
}
