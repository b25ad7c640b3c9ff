# Kalypso. `make help` lists what there is.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

WARN = -Wall -Wextra -Wconversion -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes -Werror
HARDEN = -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection
CPPFLAGS = -I. -Ibuild/gen -D_GNU_SOURCE
LDLIBS = -lczmq -lzmq -lmsgpackc -lhiredis -lwebsockets -lcurl -ljansson -ljson-c -lmicrohttpd \
	-lsqlite3 -lsecp256k1 -lcrypto -lnettle -lsodium -lpthread

# Two builds of the same sources: release is what runs, asan is what the tests run.
CFLAGS_release = -std=c11 -g -O2 $(WARN) $(HARDEN) -fPIE
LDFLAGS_release = -pie -Wl,-z,relro,-z,now -Wl,--as-needed
CFLAGS_asan = -std=c11 -g -O1 $(WARN) -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS_asan = -fsanitize=address,undefined -Wl,--as-needed

PROGRAMS := $(notdir $(patsubst %/main.c,%,$(wildcard services/*/main.c)))
COMMON := $(wildcard common/*.c)
CORES := $(filter-out %/main.c,$(wildcard services/*/*.c))
UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))

# ---- generated code ---------------------------------------------------------
GEN_C :=
GEN_H :=
-include protocol/gen/gen.mk

# ---- one variant: objects, libraries, programs, unit tests ------------------
define variant
build/$(1)/obj/%.o: %.c $(GEN_H)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS_$(1)) $$(CPPFLAGS) -MMD -MP -c -o $$@ $$<
build/$(1)/obj/gen/%.o: build/gen/%.c $(GEN_H)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS_$(1)) $$(CPPFLAGS) -MMD -MP -c -o $$@ $$<
build/$(1)/libkalypso.a: $(patsubst %.c,build/$(1)/obj/%.o,$(COMMON) $(CORES)) $(patsubst build/gen/%.c,build/$(1)/obj/gen/%.o,$(GEN_C))
	@rm -f $$@
	ar rcs $$@ $$^
$(PROGRAMS:%=build/$(1)/bin/%): build/$(1)/bin/%: build/$(1)/obj/services/%/main.o build/$(1)/libkalypso.a
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS_$(1)) -o $$@ $$^ $$(LDLIBS)
build/$(1)/unit/%: build/$(1)/obj/tests/unit/%.o build/$(1)/libkalypso.a
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS_$(1)) -o $$@ $$^ $$(LDLIBS) -lcmocka -lgmp
endef
$(eval $(call variant,release))
$(eval $(call variant,asan))
-include $(shell find build -name '*.d' 2>/dev/null)
.SECONDARY:

build: $(PROGRAMS:%=build/release/bin/%) ## build every program into build/release/bin

unit: $(UNIT:%=build/asan/unit/%) ## unit, golden and property tests of the C side, under ASan and UBSan
	@for t in $^; do CMOCKA_MESSAGE_OUTPUT=STDOUT $$t || exit 1; done

format: ## let clang-format lay out all C
	git ls-files '*.c' '*.h' | xargs clang-format-14 -i

clean: ## remove everything that was built
	rm -rf build

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build unit format clean help
