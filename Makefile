# Kalypso. `make help` lists what there is.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory --jobs=$(shell nproc)
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# Where everything that is made goes; two makes at once need two of them.
B ?= build
# make V=1 shows the commands.
V ?= 0
say = $(if $(filter 0,$(V)),@echo "  $(1)	$(patsubst $(B)/%,%,$@)";)

WARN = -Wall -Wextra -Wconversion -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes -Werror
HARDEN = -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection
CPPFLAGS = -I. -I$(B)/gen -D_GNU_SOURCE
LDLIBS = -lczmq -lzmq -lhiredis -lwebsockets -lcurl -ljansson -lyajl -lmicrohttpd \
	-lsqlite3 -lsecp256k1 -lcrypto -lnettle -lsodium -lz -lpthread

# Two builds of the same sources: release is what runs, asan is what the tests run.
CFLAGS_release = -std=c11 -g -O2 -flto=auto -ffat-lto-objects $(WARN) $(HARDEN) -fPIE
LDFLAGS_release = -O2 -flto=auto -pie -Wl,-z,relro,-z,now -Wl,--as-needed
CFLAGS_asan = -std=c11 -g -O1 $(WARN) -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS_asan = -fsanitize=address,undefined -Wl,--as-needed

PROGRAMS := $(notdir $(patsubst %/main.c,%,$(wildcard services/*/main.c)))
UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
PROPERTY := $(patsubst tests/property/%.c,%,$(wildcard tests/property/*_test.c))
PROPERTY_PARTS := $(filter-out %_test.c,$(wildcard tests/property/*.c))
COMMON := $(wildcard common/*.c protocol/*.c)
CORES := $(filter-out %/main.c,$(wildcard services/*/*.c))
# Programs whose parts nobody else links, and the unit tests of these parts.
APART := kalypso webhook-gateway listener
unit_kalypso = $(filter cli_%,$(UNIT))
property_kalypso = $(filter audit_%,$(PROPERTY))
unit_listener = $(filter job_% listener_%,$(UNIT))
unit_webhook-gateway = $(filter view_% gateway_%,$(UNIT))
apart_c = $(filter services/$(1)/%,$(CORES))
SHARED_C := $(COMMON) $(filter-out $(foreach a,$(APART),$(call apart_c,$(a))),$(CORES))

# ---- generated code ---------------------------------------------------------
GEN_C :=
GEN_H :=
-include protocol/gen/gen.mk

# ---- one variant: objects, libraries, programs, unit tests ------------------
define variant
$(B)/$(1)/obj/%.o: %.c | $(GEN_H)
	@mkdir -p $$(@D)
	$$(call say,CC)$$(CC) $$(CFLAGS_$(1)) $$(CPPFLAGS) -MMD -MP -c -o $$@ $$<
$(B)/$(1)/obj/gen/%.o: $(B)/gen/%.c | $(GEN_H)
	@mkdir -p $$(@D)
	$$(call say,CC)$$(CC) $$(CFLAGS_$(1)) $$(CPPFLAGS) -MMD -MP -c -o $$@ $$<
$(B)/$(1)/libkalypso.a: $(patsubst %.c,$(B)/$(1)/obj/%.o,$(SHARED_C)) $(patsubst $(B)/gen/%.c,$(B)/$(1)/obj/gen/%.o,$(GEN_C))
$(foreach a,$(APART),
$(B)/$(1)/$(a).a: $(patsubst %.c,$(B)/$(1)/obj/%.o,$(call apart_c,$(a)))
$(B)/$(1)/bin/$(a): $(B)/$(1)/$(a).a
$(patsubst %,$(B)/$(1)/unit/%,none $(unit_$(a))): $(B)/$(1)/$(a).a
$(patsubst %,$(B)/$(1)/property/%,none $(property_$(a))): $(B)/$(1)/$(a).a)
$(B)/$(1)/%.a:
	@rm -f $$@
	$$(call say,AR)ar rcs $$@ $$^
$(PROGRAMS:%=$(B)/$(1)/bin/%): $(B)/$(1)/bin/%: $(B)/$(1)/obj/services/%/main.o $(B)/$(1)/libkalypso.a
	@mkdir -p $$(@D)
	$$(call say,LINK)$$(CC) $$(LDFLAGS_$(1)) -o $$@ -Wl,--start-group $$^ -Wl,--end-group $$(LDLIBS)
$(B)/$(1)/unit/%: $(B)/$(1)/obj/tests/unit/%.o $(B)/$(1)/libkalypso.a
	@mkdir -p $$(@D)
	$$(call say,LINK)$$(CC) $$(LDFLAGS_$(1)) -o $$@ -Wl,--start-group $$^ -Wl,--end-group $$(LDLIBS) -lcmocka -lgmp
$(B)/$(1)/property/%: $(B)/$(1)/obj/tests/property/%.o $(PROPERTY_PARTS:%.c=$(B)/$(1)/obj/%.o) $(B)/$(1)/libkalypso.a
	@mkdir -p $$(@D)
	$$(call say,LINK)$$(CC) $$(LDFLAGS_$(1)) -o $$@ -Wl,--start-group $$^ -Wl,--end-group $$(LDLIBS) -lcmocka
endef
$(eval $(call variant,release))
$(eval $(call variant,asan))

# Programs of a newer version, as far as others can tell: for tests of mixed ones.
NEWER := chain-indexer orderbook matcher task-publisher slasher-watcher webhook-gateway
$(B)/asan/newer/protocol.o: common/protocol.c common/protocol.h common/version.h
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CFLAGS_asan) $(CPPFLAGS) -DKALYPSO_PROTOCOL=2 '-DKALYPSO_VERSION="0.2.0"' -c -o $@ $<
$(B)/asan/newer/bin/webhook-gateway: $(B)/asan/webhook-gateway.a
$(NEWER:%=$(B)/asan/newer/bin/%): $(B)/asan/newer/bin/%: $(B)/asan/obj/services/%/main.o $(B)/asan/newer/protocol.o $(B)/asan/libkalypso.a
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(LDFLAGS_asan) -o $@ -Wl,--start-group $^ -Wl,--end-group $(LDLIBS)

# A third build for libFuzzer, by clang: its targets, and what they start from.
FUZZ := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
CFLAGS_fuzz = -std=c11 -g -O1 -Wall -Wextra -Wshadow -Werror -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
$(eval $(call variant,fuzz))
$(B)/fuzz/%: CC = clang-14
$(FUZZ:%=$(B)/fuzz/target/%): $(B)/fuzz/target/%: $(B)/fuzz/obj/tests/fuzz/%_fuzz.o $(APART:%=$(B)/fuzz/%.a) $(B)/fuzz/libkalypso.a
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) -fsanitize=fuzzer,address,undefined -Wl,--as-needed -o $@ -Wl,--start-group $^ -Wl,--end-group $(LDLIBS) -lcmocka
$(B)/fuzz/target/match: $(PROPERTY_PARTS:%.c=$(B)/fuzz/obj/%.o)
$(B)/fuzz/seeds.stamp: tests/fuzz/seeds.py $(wildcard tests/golden/* tests/fuzz/found/*/*)
	@python3 $< $(B)/fuzz/seeds && touch $@

-include $(shell find $(B) -name '*.d' 2>/dev/null)
.SECONDARY:

build: $(PROGRAMS:%=$(B)/release/bin/%) ## build every program into build/release/bin

# ---- what is made by other tools -------------------------------------------
setup: ## install what is missing: Debian packages, npm packages
	@deploy/setup.sh

contracts: | $(B)/setup.stamp
	@protocol/contracts/build.sh

circuits: | $(B)/setup.stamp
	@node deploy/local/circuits/setup.mjs

# Once; `make setup` looks again.
$(B)/setup.stamp:
	@deploy/setup.sh
	@mkdir -p $(@D) && touch $@
$(GEN_C) $(GEN_H): | $(B)/setup.stamp

# ---- a local market ---------------------------------------------------------
REQUESTS ?= 24
demo: setup build contracts circuits ## run the main job: a local market, REQUESTS=24 requests, real proofs, all checked
	@node deploy/local/demo/demo.mjs --requests=$(REQUESTS)

up: setup build contracts circuits ## start a local market and leave it running
	@node deploy/local/up.mjs up

down: ## stop it
	@node deploy/local/up.mjs down

# ---- tests ------------------------------------------------------------------
SUITES ?=
test: setup build contracts circuits $(PROGRAMS:%=$(B)/asan/bin/%) $(NEWER:%=$(B)/asan/newer/bin/%) $(UNIT:%=$(B)/asan/unit/%) $(PROPERTY:%=$(B)/asan/property/%) $(B)/release/property/match_test $(B)/sim/sim $(B)/asan/sim $(FUZZ:%=$(B)/fuzz/target/%) $(B)/fuzz/seeds.stamp ## pass every test; SUITES="unit e2e" for some
	@tests/run.sh $(B) $(SUITES)

$(B)/bench/proxy: tests/bench/proxy.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CFLAGS_release) $(CPPFLAGS) -o $@ $<

SEEDS ?= 1000
STEPS ?= 2000
sim: $(B)/sim/sim ## simulate the market, SEEDS=1000 of STEPS=2000 each, or one SEED; build/sim/report.json
	@$(B)/sim/sim --steps=$(STEPS) $(if $(SEED),--seed=$(SEED),--seeds=$(SEEDS) --report=$(B)/sim/report.json)

# Chain events per second of an audit; `make bench-audit`, or the program alone.
$(B)/bench/audit: $(B)/release/obj/tests/bench/audit.o $(PROPERTY_PARTS:%.c=$(B)/release/obj/%.o) $(B)/release/kalypso.a $(B)/release/libkalypso.a
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(LDFLAGS_release) -o $@ -Wl,--start-group $^ -Wl,--end-group $(LDLIBS) -lcmocka

# The simulator: the services' own main() and common/ in one process, on a loop,
# store, bus, journal and node of its own, and a few functions that can be broken.
SIM_PARTS := $(patsubst %.c,%.o,$(wildcard tests/sim/*.c))
SIM_WRAPPED := metric_now_us getrandom setpriority service_main match_on_book_rolled_back \
	watch_on_rollback watch_on_block_mark index_drop_half outbox_roll_back tx_sign \
	verdict_ask secp_sign secp_recover secret_key_address secret_key_free
# Not as a whole: then nothing would be left to wrap.
sim_link = $(CC) $(LDFLAGS_$(1)) -fno-lto $(SIM_WRAPPED:%=-Wl,--wrap=%) -o $@ -Wl,--start-group $^ -Wl,--end-group $(LDLIBS)
$(B)/sim/sim: $(addprefix $(B)/release/obj/,$(SIM_PARTS)) $(B)/release/listener.a $(B)/release/libkalypso.a
	@mkdir -p $(@D)
	$(call say,LINK)$(call sim_link,release)
$(B)/asan/sim: $(addprefix $(B)/asan/obj/,$(SIM_PARTS)) $(B)/asan/listener.a $(B)/asan/libkalypso.a
	@mkdir -p $(@D)
	$(call say,LINK)$(call sim_link,asan)

bench-audit: $(B)/bench/audit ## measure an audit; build/bench/audit.jsonl
	@rm -f $(B)/bench/audit.jsonl
	@$(B)/bench/audit 1000000 $(B)/bench/audit.jsonl

# Benchmarks in C, beside the release build.
BENCH_PARTS := $(patsubst %,$(B)/release/obj/tests/bench/%.o,crowd rivals)
$(B)/bench/match $(B)/bench/process: $(B)/bench/%: $(B)/release/obj/tests/bench/%.o $(BENCH_PARTS) $(B)/release/libkalypso.a
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(LDFLAGS_release) -o $@ -Wl,--start-group $^ -Wl,--end-group $(LDLIBS) -lcmocka

# Redis and logs that a gateway follows, clients of several kinds, a rival.
GATEWAY_BENCH := $(patsubst tests/bench/gateway/%.c,$(B)/bench/gateway/%,$(wildcard tests/bench/gateway/*.c))
$(GATEWAY_BENCH): $(B)/bench/gateway/%: $(B)/release/obj/tests/bench/gateway/%.o $(BENCH_PARTS) $(B)/release/libkalypso.a
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(LDFLAGS_release) -o $@ -Wl,--start-group $^ -Wl,--end-group $(LDLIBS) -lcmocka

bench-gateway: setup build $(GATEWAY_BENCH) ## measure the gateway: feed, webhooks, API, page; build/bench/gateway.jsonl
	@node tests/bench/gateway.mjs --build=$(B)

$(B)/bench/why: $(B)/release/obj/tests/bench/why.o $(BENCH_PARTS) $(B)/release/webhook-gateway.a $(B)/release/libkalypso.a
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(LDFLAGS_release) -o $@ -Wl,--start-group $^ -Wl,--end-group $(LDLIBS) -lcmocka

$(B)/bench/recovery: $(B)/release/obj/tests/bench/recovery.o $(PROPERTY_PARTS:%.c=$(B)/release/obj/%.o) $(B)/release/libkalypso.a
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(LDFLAGS_release) -o $@ -Wl,--start-group $^ -Wl,--end-group $(LDLIBS) -lcmocka

bench-recovery: build $(B)/bench/recovery ## measure starts with a million entries behind them, and snapshots of a million requests
	@node tests/bench/recovery.mjs $(B)

$(B)/bench/hop: $(B)/release/obj/tests/bench/hop.o $(B)/release/libkalypso.a
	@mkdir -p $(@D)
	$(call say,LINK)$(CC) $(LDFLAGS_release) -o $@ -Wl,--start-group $^ -Wl,--end-group $(LDLIBS)

bench-deploy: setup build contracts circuits $(B)/bench/hop ## measure containers, hops, restarts; build/bench/deploy.jsonl
	@deploy/setup.sh deploy
	@node tests/bench/deploy.mjs --build=$(B)

bench-why: $(B)/bench/why ## measure what a why costs in a large market
	@$(B)/bench/why

bench: setup build contracts circuits $(B)/bench/proxy ## measure gas, latency, memory and back-fill; build/bench/pipeline.jsonl
	@protocol/contracts/gas.sh
	@node tests/bench/pipeline.mjs

bench-match: build $(B)/bench/match $(B)/bench/process $(B)/bench/audit ## measure the matcher: the core, the process, audit; build/bench/match.jsonl
	@node tests/bench/match.mjs $(B)

unit: $(UNIT:%=$(B)/asan/unit/%) $(PROPERTY:%=$(B)/asan/property/%) ## unit, golden and property tests of the C side alone
	@tests/run.sh $(B) unit

MINUTES ?= 10
fuzz: $(FUZZ:%=$(B)/fuzz/target/%) $(B)/fuzz/seeds.stamp ## fuzz every decoder, MINUTES=10 of processor time shared; crashes go to build/fuzz/crashes
	@tests/fuzz/fuzz.sh $(B)/fuzz $$(($(MINUTES) * 60))

# Empty ones are their defaults.
GROUP ?=
FAULT ?=
ROUNDS ?=
SEED ?=
chaos: setup build contracts circuits ## faults under load, all oracles; GROUP=redis FAULT=kill ROUNDS=200 SEED=1; build/chaos/report.json
	@node tests/chaos/chaos.mjs --table $(and $(GROUP),--group=$(GROUP)) $(and $(FAULT),--fault=$(FAULT)) $(and $(ROUNDS),--rounds=$(ROUNDS)) $(and $(SEED),--seed=$(SEED))

lint: build ## what no compiler checks
	@tests/run.sh $(B) lint

format: ## let clang-format lay out all C
	git ls-files --cached --others --exclude-standard '*.c' '*.h' | xargs clang-format-14 -i

clean: ## remove everything that was built
	rm -rf $(B)

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build setup contracts circuits demo up down test bench bench-audit bench-deploy bench-gateway bench-match bench-recovery bench-why unit sim fuzz chaos lint format clean help
