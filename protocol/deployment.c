/* One small JSON file, read strictly. */
#include "protocol/deployment.h"

#include "common/hex.h"
#include "common/log.h"
#include "common/trace.h"

static enum err read_number(uint64_t *out, const json_t *root, const char *name)
{
	const json_t *v = json_object_get(root, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return ERR_CONFIG;
	*out = (uint64_t)json_integer_value(v);
	return ERR_NONE;
}

static enum err read_address(struct address *out, const json_t *root,
			     const char *name)
{
	const char *text = json_string_value(json_object_get(root, name));

	return !text || address_parse(out, text) ? ERR_CONFIG : ERR_NONE;
}

enum err deployment_parse(struct deployment *out, const json_t *root,
			  const char **member)
{
	struct {
		struct address *out;
		const char *name;
	} rows[] = {{&out->marketplace, "ProofMarketplace"},
		    {&out->registry, "GeneratorRegistry"},
		    {&out->keys, "EntityKeyRegistry"},
		    {&out->payment_token, "PaymentToken"},
		    {&out->stake_token, "StakeToken"}};

	*member = "chainId";
	if (read_number(&out->chain_id, root, *member))
		return ERR_CONFIG;
	*member = "startBlock";
	if (read_number(&out->start_block, root, *member))
		return ERR_CONFIG;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		*member = rows[i].name;
		if (read_address(rows[i].out, root, *member))
			return ERR_CONFIG;
	}
	return ERR_NONE;
}

enum err deployment_read(struct deployment *out, const char *path)
{
	json_error_t why;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	const char *member = "-";
	enum err e = root ? deployment_parse(out, root, &member) : ERR_CONFIG;

	if (e)
		log_error("contracts.file",
			  "path=%s member=%s text=\"%s: give the file that "
			  "`kalypso deploy` wrote with --contracts\"",
			  path, member,
			  root ? "missing, or not of its kind" : why.text);
	else
		trace_open(out->chain_id, &out->marketplace);
	json_decref(root);
	return e;
}
