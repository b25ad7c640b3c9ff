/* One small JSON file, read strictly. */
#include "protocol/deployment.h"

#include <jansson.h>

#include "common/hex.h"
#include "common/log.h"

static enum err complain(const char *path, const char *what, const char *text)
{
	log_error("contracts.file",
		  "path=%s member=%s text=\"%s: give the file that "
		  "deploy.sh wrote with --contracts\"",
		  path, what, text);
	return ERR_CONFIG;
}

static enum err read_number(uint64_t *out, const json_t *root, const char *path,
			    const char *name)
{
	const json_t *v = json_object_get(root, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return complain(path, name, "not a whole number");
	*out = (uint64_t)json_integer_value(v);
	return ERR_NONE;
}

static enum err read_address(struct address *out, const json_t *root,
			     const char *path, const char *name)
{
	const char *text = json_string_value(json_object_get(root, name));

	if (!text || address_parse(out, text))
		return complain(path, name, "not an address");
	return ERR_NONE;
}

enum err deployment_read(struct deployment *out, const char *path)
{
	struct {
		struct address *out;
		const char *name;
	} rows[] = {{&out->marketplace, "ProofMarketplace"},
		    {&out->registry, "GeneratorRegistry"},
		    {&out->keys, "EntityKeyRegistry"},
		    {&out->payment_token, "PaymentToken"},
		    {&out->stake_token, "StakeToken"}};
	json_error_t why;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	enum err e;

	if (!root)
		return complain(path, "-", why.text);
	e = read_number(&out->chain_id, root, path, "chainId");
	if (!e)
		e = read_number(&out->start_block, root, path, "startBlock");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0] && !e; i++)
		e = read_address(rows[i].out, root, path, rows[i].name);
	json_decref(root);
	return e;
}
