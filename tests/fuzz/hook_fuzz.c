/* What people write about webhooks: registrations, records, CIDRs, schedules.
 *
 * Input: a byte for which of them, then its text. What is taken is within its
 * limits, and a hook is the same after it was saved and loaded. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include <netinet/in.h>

#include "services/webhook-gateway/hooks.h"

static const uint8_t seal[HOOK_SEAL_SIZE] = {7};

static void registration(struct bytes text)
{
	char token[HOOK_TOKEN_ROOM], why[HOOK_WHY_ROOM];
	static struct hook hook, loaded;
	struct buf record = {0};
	uint64_t from = 0;

	hook_new(&hook, token, 1);
	if (hook_read(&hook, &from, text, why)) {
		fuzz_check(memchr(why, 0, sizeof why) != NULL);
		return;
	}
	fuzz_check(!post_url_problem(hook.url));
	fuzz_check(hook.types && hook.types < 1u << HOOK_TYPES_COUNT);
	fuzz_check(hook.v1 || hook.v1a);
	hook_save(&record, &hook, seal);
	fuzz_check(!hook_load(&loaded, hook.id, buf_bytes(&record), seal));
	fuzz_check(strcmp(loaded.url, hook.url) == 0);
	fuzz_check(strcmp(loaded.text, hook.text) == 0);
	fuzz_check(loaded.types == hook.types);
	fuzz_check(loaded.market_id == hook.market_id);
	fuzz_check(memcmp(&loaded.secret, &hook.secret, sizeof hook.secret) ==
		   0);
	buf_free(&record);
}

static void record(struct bytes text)
{
	static struct hook hook;

	if (!hook_load(&hook, "wh_0", text, seal))
		fuzz_check(0); /* nobody can seal without the key */
}

static void cidrs(const char *text)
{
	const struct sockaddr_in loopback = {.sin_family = AF_INET,
					     .sin_addr.s_addr =
						     htonl(INADDR_LOOPBACK)};
	struct guard *g;

	if (guard_new(&g, text)) {
		fuzz_check(!g);
		return;
	}
	fuzz_check(guard_judge(g, (const struct sockaddr *)&loopback) !=
		   GUARD_PUBLIC);
	guard_free(&g);
}

static void schedule(const char *text)
{
	struct hooks_config config;

	if (!hooks_schedule(&config, text))
		fuzz_check(config.retries_count >= 1 &&
			   config.retries_count <= HOOKS_RETRIES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t key[HOOK_SEAL_SIZE];
	char *text;

	if (size == 0)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	switch (data[0] % 5) {
	case 0:
		registration((struct bytes){data + 1, size - 1});
		break;
	case 1:
		record((struct bytes){data + 1, size - 1});
		break;
	case 2:
		cidrs(text);
		break;
	case 3:
		schedule(text);
		break;
	default:
		if (!hook_seal_parse(key, text))
			fuzz_check(strlen(text) >= 64);
	}
	free(text);
	return 0;
}
