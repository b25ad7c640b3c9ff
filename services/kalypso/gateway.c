/* One GET at a time. */
#include "services/kalypso/gateway.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/u256.h"
#include "services/kalypso/text.h"

enum { TIMEOUT_MS = 15000, ANSWER_MAX_BYTES = 64 << 20, TEXT_ROOM = 256 };

struct answer {
	struct loop *loop;
	bool done;
	enum err err;
	unsigned status;
	json_t *body;	      /* NULL: not JSON */
	char text[TEXT_ROOM]; /* of an error */
};

static void on_answer(void *arg, const struct http_answer *a)
{
	struct answer *out = arg;

	out->err = a->err;
	out->status = a->status;
	out->body = json_loadb((const char *)a->body.data, a->body.size,
			       JSON_REJECT_DUPLICATES, NULL);
	snprintf(out->text, sizeof out->text, "%s", a->err ? a->text : "");
	out->done = true;
	loop_stop(out->loop);
}

/* The URL with one slash where they meet. */
static char *join(const char *base, const char *path)
{
	size_t size = strlen(base);
	char *url;

	while (size && base[size - 1] == '/')
		size--;
	return asprintf(&url, "%.*s/v1/%s", (int)size, base, path) < 0 ? NULL
								       : url;
}

static enum cli_exit fetch(struct cli *cli, struct answer *a, const char *path)
{
	struct http_request request = {.timeout_ms = TIMEOUT_MS,
				       .answer_max = ANSWER_MAX_BYTES};
	char *url = join(cli->common.gateway, path);
	enum cli_exit x;

	request.url = url;
	a->loop = cli->loop;
	if (!url || !http_send(cli->http, &request, on_answer, a)) {
		a->err = ERR_NO_MEMORY;
		a->done = true;
	}
	x = cli_turn(cli, &a->done);
	free(url);
	return x;
}

/* A problem document's own words. */
static const char *problem(const struct answer *a)
{
	const char *detail =
		json_string_value(json_object_get(a->body, "detail"));

	if (!detail)
		detail = json_string_value(json_object_get(a->body, "title"));
	return detail ? detail : "no reason given";
}

static enum cli_exit judge(const struct answer *a)
{
	if (a->err == ERR_CONFIG)
		return CLI_USAGE;
	if (a->err || a->status >= 500 || a->status == 429 || !a->body)
		return CLI_UNREACHABLE;
	if (a->status == 404)
		return CLI_NOT_FOUND;
	return a->status == 200 ? CLI_OK : CLI_FAILED;
}

static enum cli_exit tell(struct cli *cli, const struct answer *a,
			  const char *path)
{
	const char *at = cli->common.gateway;
	enum cli_exit x = judge(a);

	switch (x) {
	case CLI_OK:
		return CLI_OK;
	case CLI_USAGE:
		return cli_fail(cli, x, "--gateway '%s' can't be used: %s", at,
				a->text);
	case CLI_NOT_FOUND:
		return cli_fail(cli, x, "the gateway has no %s: %s", path,
				problem(a));
	case CLI_FAILED:
		return cli_fail(cli, x, "the gateway refuses %s: %s", path,
				problem(a));
	default:
		break;
	}
	if (a->err)
		return cli_fail(cli, x, "the gateway %s doesn't answer: %s", at,
				a->text);
	return cli_fail(cli, x,
			"the gateway %s answers %s with HTTP status %u (%s)",
			at, path, a->status, problem(a));
}

static enum cli_exit get(struct cli *cli, json_t **out, bool quiet,
			 const char *path)
{
	struct answer a = {.err = ERR_NONE};
	enum cli_exit x;

	*out = NULL;
	if (!cli->common.gateway && quiet)
		return CLI_USAGE;
	if (!cli->common.gateway)
		return cli_fail(cli, CLI_USAGE,
				"which gateway? Give --gateway URL, or set "
				"$KALYPSO_GATEWAY or $KALYPSO_MARKET");
	x = fetch(cli, &a, path);
	if (!x)
		x = quiet ? judge(&a) : tell(cli, &a, path);
	if (x)
		json_decref(a.body);
	else
		*out = a.body;
	return x;
}

enum cli_exit cli_gateway_get(struct cli *cli, json_t **out, const char *format,
			      ...)
{
	va_list args;
	char *path;
	enum cli_exit x = CLI_FAILED;

	va_start(args, format);
	if (vasprintf(&path, format, args) >= 0) {
		x = get(cli, out, false, path);
		free(path);
	}
	va_end(args);
	return x;
}

enum cli_exit cli_gateway_try(struct cli *cli, json_t **out, const char *format,
			      ...)
{
	va_list args;
	char *path;
	enum cli_exit x = CLI_FAILED;

	va_start(args, format);
	if (vasprintf(&path, format, args) >= 0) {
		x = get(cli, out, true, path);
		free(path);
	}
	va_end(args);
	return x;
}

/* ---- members ------------------------------------------------------------ */

const char *cli_json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

uint64_t cli_json_id(const json_t *object, const char *key)
{
	uint64_t v = 0;

	return cli_parse_u64(&v, cli_json_text(object, key)) ? 0 : v;
}

uint64_t cli_json_time(const json_t *object, const char *key)
{
	struct unix_s time;

	return cli_parse_time(&time, cli_json_text(object, key)) ? 0 : time.v;
}

void cli_json_address(const json_t *object, const char *key,
		      struct address *out)
{
	if (address_parse(out, cli_json_text(object, key)))
		*out = (struct address){{0}};
}

void cli_json_amount(const json_t *object, const char *key, struct u256 *out)
{
	if (u256_parse_dec(out, cli_json_text(object, key)))
		*out = U256_ZERO;
}
