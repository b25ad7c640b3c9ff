/* One JSON file, read strictly. */
#include "services/kalypso/deploy_bundle.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/hex.h"

enum { FORMAT = 1 };

static const char *const names[DEPLOY_CONTRACTS] = {
	[DEPLOY_PAYMENT_TOKEN] = "PaymentToken",
	[DEPLOY_STAKE_TOKEN] = "StakeToken",
	[DEPLOY_TIMELOCK] = "TimelockController",
	[DEPLOY_MARKETPLACE] = "ProofMarketplace",
	[DEPLOY_REGISTRY] = "GeneratorRegistry",
	[DEPLOY_KEYS] = "EntityKeyRegistry",
	[DEPLOY_PROXY] = "ERC1967Proxy",
};

const char *deploy_contract_name(enum deploy_contract id)
{
	return names[id];
}

static bool read_bytes(struct buf *out, const json_t *value)
{
	const char *text = json_string_value(value);

	return text && !hex_decode_buf(out, text, strlen(text)) && out->size;
}

/* Holes lie one behind the other inside of the code. */
static bool read_holes(struct deploy_code *out, const json_t *list)
{
	size_t end = 0;

	if (!json_is_array(list) || json_array_size(list) > DEPLOY_HOLES_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *pair = json_array_get(list, i);
		json_int_t at = json_integer_value(json_array_get(pair, 0));
		json_int_t size = json_integer_value(json_array_get(pair, 1));

		if (json_array_size(pair) != 2 || at < 0 || size < 1 ||
		    (size_t)at < end || (size_t)at > out->runtime.size ||
		    (size_t)size > out->runtime.size - (size_t)at)
			return false;
		end = (size_t)at + (size_t)size;
		out->holes[i].at = (size_t)at;
		out->holes[i].size = (size_t)size;
	}
	out->holes_count = json_array_size(list);
	return true;
}

static const char *read_all(struct deploy_bundle *out, const json_t *root,
			    char *why)
{
	const json_t *contracts = json_object_get(root, "contracts");

	if (json_integer_value(json_object_get(root, "format")) != FORMAT)
		return "it is no bundle of contracts of this version";
	for (int i = 0; i < DEPLOY_CONTRACTS; i++) {
		const json_t *c = json_object_get(contracts, names[i]);
		struct deploy_code *code = &out->code[i];

		if (read_bytes(&code->initcode,
			       json_object_get(c, "initcode")) &&
		    read_bytes(&code->runtime, json_object_get(c, "runtime")) &&
		    read_holes(code, json_object_get(c, "immutables")))
			continue;
		snprintf(why, DEPLOY_WHY_ROOM,
			 "%s is missing in it, or not as it should be",
			 names[i]);
		return why;
	}
	return NULL;
}

const char *deploy_bundle_read(struct deploy_bundle *out, const char *path,
			       char why[DEPLOY_WHY_ROOM])
{
	json_error_t error;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	const char *wrong = why;

	if (root)
		wrong = read_all(out, root, why);
	else
		snprintf(why, DEPLOY_WHY_ROOM, "%s", error.text);
	json_decref(root);
	return wrong;
}

void deploy_bundle_free(struct deploy_bundle *bundle)
{
	for (int i = 0; i < DEPLOY_CONTRACTS; i++) {
		buf_free(&bundle->code[i].initcode);
		buf_free(&bundle->code[i].runtime);
	}
}

bool deploy_is_code(const struct deploy_code *contract, struct bytes code)
{
	const struct buf *want = &contract->runtime;
	size_t at = 0;

	if (code.size != want->size)
		return false;
	for (size_t i = 0; i < contract->holes_count; i++) {
		if (memcmp(code.data + at, want->data + at,
			   contract->holes[i].at - at) != 0)
			return false;
		at = contract->holes[i].at + contract->holes[i].size;
	}
	return memcmp(code.data + at, want->data + at, want->size - at) == 0;
}
