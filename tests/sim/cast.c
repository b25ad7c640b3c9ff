/* Command lines, keys and the contracts' addresses. */
#include "tests/sim/cast.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "tests/sim/market.h"
#include "tests/sim/program.h"

enum { ARGS = 24, ARG_ROOM = 200 };

static char args[PROCESSES_MAX][ARGS][ARG_ROOM];

static void add_process(const char *folder, const struct program *program,
			const char *instance, const char *instances,
			const char *nodes, uint64_t snapshot_every)
{
	char *argv[ARGS + 1] = {0}, (*a)[ARG_ROOM] = args[process_count()];
	bool listens = strcmp(program->name, "listener") == 0;
	bool reads_logs = strcmp(program->name, "orderbook") == 0 ||
			  strcmp(program->name, "matcher") == 0;
	bool follows = listens || strcmp(program->name, "chain-indexer") == 0;
	unsigned n = 0;

#define ARG(...) snprintf(a[n], ARG_ROOM, __VA_ARGS__), argv[n] = a[n], n++
	ARG("%s", program->name);
	ARG("--instance=%s", instance);
	ARG("--state-dir=%s", folder);
	if (!listens) {
		ARG("--instances=%s", instances);
		ARG("--snapshot-every=%" PRIu64, snapshot_every);
	}
	if (!reads_logs) {
		ARG("--contracts=%s/contracts.json", folder);
		ARG("--rpc=%s", nodes);
	}
	if (follows) {
		ARG("--ws=ws://n1");
		ARG("--poll=1000");
	} else if (!reads_logs) {
		ARG("--final-depth=%d", CAST_DEPTH);
	}
	if (!listens)
		ARG("--depth=%d", CAST_DEPTH);
	if (strcmp(program->name, "matcher") == 0)
		ARG("--match-lifetime=%d", CAST_LIFETIME_S);
	if (listens) {
		ARG("--prover=http://prover");
		ARG("--depth=%d", CAST_DEPTH);
		ARG("--final-depth=%d", CAST_DEPTH);
	}
#undef ARG
	process_new(program, instance, argv);
}

void cast_start(const char *folder)
{
	const struct program *const programs[] = {
		&sim_chain_indexer,  &sim_orderbook,	   &sim_matcher,
		&sim_task_publisher, &sim_slasher_watcher, &sim_listener};
	unsigned count = sizeof programs / sizeof programs[0];
	bool second[8] = {false}, any = false;
	uint64_t snapshot_every = 20 + draw(400);
	const char *nodes = chance(500) ? "http://n1" : "http://n1,http://n2";

	for (unsigned i = 0; i + 1 < count; i++)
		any |= second[i] = chance(250);
	for (unsigned i = 0; i < count; i++) {
		add_process(folder, programs[i], "a", any ? "a,b" : "a", nodes,
			    snapshot_every);
		if (second[i])
			add_process(folder, programs[i], "b", "a,b", nodes,
				    snapshot_every);
	}
	for (unsigned i = 0; i < process_count(); i++)
		process_start(process_at(i));
}

static struct secret_key *key_of(const char *variable, uint8_t byte,
				 struct address *address)
{
	uint8_t bytes[SECRET_SIZE] = {[31] = byte};
	struct buf hex = {0};
	struct secret_key *key;

	assert(!secret_key_new(&key, bytes));
	secret_key_address(address, key);
	buf_put_hex(&hex, bytes, sizeof bytes);
	setenv(variable, buf_text(&hex), 1);
	buf_free(&hex);
	return key;
}

static void write_contracts(const char *folder)
{
	const struct market_world *w = &market_world;
	const struct {
		const char *name;
		const struct address *address;
	} rows[] = {{"ProofMarketplace", &w->marketplace},
		    {"GeneratorRegistry", &w->registry},
		    {"EntityKeyRegistry", &w->keys},
		    {"PaymentToken", &w->verifier},
		    {"StakeToken", &w->verifier}};
	char path[512], text[ADDRESS_ROOM];
	FILE *f;

	snprintf(path, sizeof path, "%s/contracts.json", folder);
	f = fopen(path, "w");
	assert(f);
	fprintf(f, "{\"chainId\":%" PRIu64 ",\"startBlock\":%" PRIu64,
		w->chain_id, w->start_block);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		fprintf(f, ",\"%s\":\"%s\"", rows[i].name,
			address_format(text, rows[i].address));
	fprintf(f, "}\n");
	fclose(f);
}

void cast_make(const char *folder)
{
	struct market_world *w = &market_world;
	struct secret_key *keys[] = {
		key_of("KALYPSO_ENGINE_KEY", 1, &w->engine),
		key_of("KALYPSO_RELAYER_KEY", 2, &w->accounts[RELAYER]),
		key_of("KALYPSO_SLASHER_KEY", 3, &w->accounts[SLASHER]),
		key_of("KALYPSO_GENERATOR_KEY", 4,
		       &w->accounts[PROVER_ACCOUNT])};

	w->chain_id = 1337;
	w->start_block = 1;
	w->marketplace = (struct address){{0xc1}};
	w->registry = (struct address){{0xc2}};
	w->keys = (struct address){{0xc3}};
	w->verifier = (struct address){{0xc4}};
	abi_domain(&w->domain, w->chain_id, &w->marketplace);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		secret_key_free(&keys[i]);
	write_contracts(folder);
}
