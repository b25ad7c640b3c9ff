/* A small JSON file, replaced as a whole. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hex.h"
#include "common/keccak.h"
#include "services/kalypso/deploy.h"

enum { FORMAT = 1, MODE = 0644 };

/* ---- files -------------------------------------------------------------- */

static int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			text += n;
			size -= (size_t)n;
		}
	}
	return fsync(fd);
}

/* So that the new name survives a power cut, too. */
static int sync_folder(const char *path)
{
	char copy[PATH_MAX];
	int fd, e;

	snprintf(copy, sizeof copy, "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	e = fsync(fd);
	close(fd);
	return e;
}

enum cli_exit deploy_write(struct cli *cli, const char *path,
			   const json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(2));
	char part[PATH_MAX];
	bool bad;
	int fd, why;

	if (!text)
		return cli_fail(cli, CLI_FAILED, "out of memory");
	snprintf(part, sizeof part, "%s.part", path);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, MODE);
	bad = fd < 0 || write_all(fd, text, strlen(text)) ||
	      write_all(fd, "\n", 1) || rename(part, path) || sync_folder(path);
	why = errno;
	if (fd >= 0)
		close(fd);
	free(text);
	if (!bad)
		return CLI_OK;
	return cli_fail(cli, CLI_USAGE,
			"%s can't be written: %s: make room or mend the "
			"folder, and run the same command again",
			path, strerror(why));
}

/* ---- reading ------------------------------------------------------------ */

static enum cli_exit not_ours(struct deploying *d, const char *member,
			      const char *was, const char *is)
{
	return cli_fail(d->cli, CLI_USAGE,
			"%s is of another deployment: its %s is %s, not %s: "
			"give what it was begun with, or another --out",
			d->state_path, member, was, is);
}

static enum cli_exit broken(struct deploying *d, const char *what)
{
	return cli_fail(d->cli, CLI_USAGE,
			"%s: %s: put back what `kalypso deploy` wrote, or move "
			"it away and deploy anew with another --out",
			d->state_path, what);
}

static enum cli_exit same_text(struct deploying *d, const json_t *in,
			       const char *member, const char *is)
{
	const char *was = json_string_value(json_object_get(in, member));

	if (!was)
		return broken(d, "a part of it is missing");
	return strcmp(was, is) == 0 ? CLI_OK : not_ours(d, member, was, is);
}

static enum cli_exit same_chain(struct deploying *d)
{
	json_int_t was =
		json_integer_value(json_object_get(d->state, "chainId"));
	char text[24], is[24], hash[HASH32_ROOM];

	snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, was);
	snprintf(is, sizeof is, "%" PRIu64, d->cli->contracts.chain_id);
	if (strcmp(text, is) != 0)
		return not_ours(d, "chain id", text, is);
	if (!d->has_genesis || !json_object_get(d->state, "genesis"))
		return CLI_OK;
	return same_text(d, d->state, "genesis",
			 hash32_format(hash, &d->genesis));
}

static enum cli_exit same_terms(struct deploying *d)
{
	const json_t *was = json_object_get(d->state, "terms");
	const char *name;
	json_t *is;
	enum cli_exit x = CLI_OK;

	json_object_foreach (d->said, name, is)
		if (!x)
			x = same_text(d, was, name, json_string_value(is));
	return x;
}

enum cli_exit deploy_state_read(struct deploying *d)
{
	char who[ADDRESS_ROOM];
	json_error_t why;
	enum cli_exit x;

	if (access(d->state_path, F_OK) != 0) {
		if (access(d->out, F_OK) != 0)
			return CLI_OK;
		return cli_fail(d->cli, CLI_USAGE,
				"%s is there, but not %s, which tells how it "
				"came about: give another --out",
				d->out, d->state_path);
	}
	d->state = json_load_file(d->state_path, JSON_REJECT_DUPLICATES, &why);
	if (!d->state)
		return broken(d, why.text);
	if (json_integer_value(json_object_get(d->state, "format")) != FORMAT)
		return broken(d, "it isn't of this version");
	x = same_chain(d);
	if (!x)
		x = same_text(d, d->state, "deployer",
			      address_format(who, &d->cli->account));
	if (!x)
		x = same_terms(d);
	d->start = (uint64_t)json_integer_value(
		json_object_get(d->state, "startBlock"));
	return x;
}

uint64_t deploy_state_nonce(const struct deploying *d)
{
	return (uint64_t)json_integer_value(json_object_get(d->state, "nonce"));
}

static void hash_code(char text[HASH32_ROOM], const struct deploy_step *step)
{
	struct hash32 hash;

	keccak256(&hash, step->initcode.data, step->initcode.size);
	hash32_format(text, &hash);
}

static enum cli_exit take_sent(struct deploying *d, size_t i,
			       const json_t *list)
{
	struct deploy_seen *seen = &d->seen[i];

	if (!json_is_array(list) || json_array_size(list) > DEPLOY_SENT_MAX)
		return broken(d, "its transactions aren't a list");
	for (size_t k = 0; k < json_array_size(list); k++) {
		const char *t = json_string_value(json_array_get(list, k));

		if (!t || hash32_parse(&seen->sent[seen->sent_count++], t))
			return broken(d, "a transaction isn't a hash");
	}
	return CLI_OK;
}

static json_t *state_step(const struct deploying *d, size_t i)
{
	return json_array_get(json_object_get(d->state, "steps"), i);
}

enum cli_exit deploy_state_match(struct deploying *d)
{
	enum cli_exit x = CLI_OK;

	for (size_t i = 0; i < d->plan.count && !x; i++) {
		const json_t *step = state_step(d, i);
		const char *was =
			json_string_value(json_object_get(step, "initcode"));
		char is[HASH32_ROOM];

		hash_code(is, &d->plan.steps[i]);
		if (!was || strcmp(was, is) != 0)
			return cli_fail(d->cli, CLI_USAGE,
					"%s was compiled anew since %s was "
					"begun: go on with the contracts that "
					"it was begun with (--artifacts), or "
					"deploy anew with another --out",
					d->plan.steps[i].name, d->state_path);
		x = take_sent(d, i, json_object_get(step, "transactions"));
	}
	return x;
}

/* ---- writing ------------------------------------------------------------ */

enum cli_exit deploy_state_begin(struct deploying *d)
{
	char text[HASH32_ROOM];
	json_t *steps = json_array();

	for (size_t i = 0; i < d->plan.count; i++) {
		const struct deploy_step *s = &d->plan.steps[i];
		char code[HASH32_ROOM], at[ADDRESS_ROOM];

		hash_code(code, s);
		json_array_append_new(
			steps,
			json_pack("{s:s, s:s, s:s, s:[]}", "name", s->name,
				  "address", address_format(at, &s->address),
				  "initcode", code, "transactions"));
	}
	d->state = json_pack(
		"{s:i, s:I, s:s, s:I, s:I, s:O, s:o}", "format", FORMAT,
		"chainId", (json_int_t)d->cli->contracts.chain_id, "deployer",
		address_format(text, &d->cli->account), "nonce",
		(json_int_t)d->plan.steps[0].nonce, "startBlock",
		(json_int_t)d->start, "terms", d->said, "steps", steps);
	if (d->has_genesis)
		json_object_set_new(
			d->state, "genesis",
			json_string(hash32_format(text, &d->genesis)));
	return deploy_write(d->cli, d->state_path, d->state);
}

enum cli_exit deploy_state_sent(struct deploying *d, size_t i,
				const struct hash32 *tx)
{
	struct deploy_seen *seen = &d->seen[i];
	char text[HASH32_ROOM];

	for (size_t k = 0; k < seen->sent_count; k++)
		if (hash32_eq(&seen->sent[k], tx))
			return CLI_OK;
	if (seen->sent_count == DEPLOY_SENT_MAX)
		return cli_fail(d->cli, CLI_FAILED,
				"%s was replaced often enough: wait until one "
				"of its transactions is mined, then run the "
				"same command without --tip and --max-fee",
				d->plan.steps[i].name);
	seen->sent[seen->sent_count++] = *tx;
	json_array_append_new(json_object_get(state_step(d, i), "transactions"),
			      json_string(hash32_format(text, tx)));
	return deploy_write(d->cli, d->state_path, d->state);
}
