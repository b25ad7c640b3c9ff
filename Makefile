# Kalypso. `make help` lists what there is.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
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
LDLIBS = -lczmq -lzmq -lmsgpackc -lhiredis -lwebsockets -lcurl -ljansson -ljson-c -lmicrohttpd \
	-lsqlite3 -lsecp256k1 -lcrypto -lnettle -lsodium -lpthread

# Two builds of the same sources: release is what runs, asan is what the tests run.
CFLAGS_release = -std=c11 -g -O2 $(WARN) $(HARDEN) -fPIE
LDFLAGS_release = -pie -Wl,-z,relro,-z,now -Wl,--as-needed
CFLAGS_asan = -std=c11 -g -O1 $(WARN) -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS_asan = -fsanitize=address,undefined -Wl,--as-needed

PROGRAMS := $(notdir $(patsubst %/main.c,%,$(wildcard services/*/main.c)))
UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
COMMON := $(wildcard common/*.c protocol/*.c)
CORES := $(filter-out %/main.c,$(wildcard services/*/*.c))
# Programs whose parts nobody else links, and the unit tests of these parts.
APART := kalypso webhook-gateway
unit_kalypso = $(filter cli_%,$(UNIT))
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
$(patsubst %,$(B)/$(1)/unit/%,none $(unit_$(a))): $(B)/$(1)/$(a).a)
$(B)/$(1)/%.a:
	@rm -f $$@
	$$(call say,AR)ar rcs $$@ $$^
$(PROGRAMS:%=$(B)/$(1)/bin/%): $(B)/$(1)/bin/%: $(B)/$(1)/obj/services/%/main.o $(B)/$(1)/libkalypso.a
	@mkdir -p $$(@D)
	$$(call say,LINK)$$(CC) $$(LDFLAGS_$(1)) -o $$@ -Wl,--start-group $$^ -Wl,--end-group $$(LDLIBS)
$(B)/$(1)/unit/%: $(B)/$(1)/obj/tests/unit/%.o $(B)/$(1)/libkalypso.a
	@mkdir -p $$(@D)
	$$(call say,LINK)$$(CC) $$(LDFLAGS_$(1)) -o $$@ -Wl,--start-group $$^ -Wl,--end-group $$(LDLIBS) -lcmocka -lgmp
endef
$(eval $(call variant,release))
$(eval $(call variant,asan))
-include $(shell find $(B) -name '*.d' 2>/dev/null)
.SECONDARY:

build: $(PROGRAMS:%=$(B)/release/bin/%) ## build every program into build/release/bin

unit: $(UNIT:%=$(B)/asan/unit/%) ## unit, golden and property tests of the C side, under ASan and UBSan
	@for t in $^; do CMOCKA_MESSAGE_OUTPUT=STDOUT $$t || exit 1; done

format: ## let clang-format lay out all C
	git ls-files '*.c' '*.h' | xargs clang-format-14 -i

clean: ## remove everything that was built
	rm -rf $(B)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build unit format clean help
