# Generated C, from the descriptions in protocol/. Included by the top Makefile.
MSG_IN := $(wildcard protocol/messages/*) protocol/gen/msggen.py
NOUNS := index book match publish watch view job

GEN_C += $(B)/gen/msg.c $(B)/gen/translate.c
GEN_H += $(B)/gen/msg.h $(B)/gen/translate.h $(B)/gen/store_lua.h $(B)/gen/hook_lua.h $(NOUNS:%=$(B)/gen/wire_%.h)

# Written aside first, so that a failed generator leaves nothing behind.
define generate
	@mkdir -p $(@D)
	$(call say,GEN)python3 $(1) > $@.new
	@mv $@.new $@
endef

$(B)/gen/msg.h: $(MSG_IN)
	$(call generate,protocol/gen/msggen.py header protocol/messages)
$(B)/gen/msg.c: $(MSG_IN)
	$(call generate,protocol/gen/msggen.py source protocol/messages)
$(B)/gen/wire_%.h: $(MSG_IN)
	$(call generate,protocol/gen/msggen.py wire $* protocol/messages)
$(B)/gen/store_lua.h: common/store.lua protocol/gen/embed.py
	$(call generate,protocol/gen/embed.py store_lua common/store.lua)
$(B)/gen/hook_lua.h: services/webhook-gateway/hook.lua protocol/gen/embed.py
	$(call generate,protocol/gen/embed.py hook_lua services/webhook-gateway/hook.lua)

# The gateway's descriptions and the page that is made of them: served from memory.
API_DOCS := protocol/http/gateway.openapi.yaml protocol/http/webhooks.openapi.yaml
API_EMBEDDED := $(B)/gen/docs.html services/webhook-gateway/docs.css $(API_DOCS) protocol/http/feed.asyncapi.yaml
GEN_H += $(B)/gen/api_files.h
$(B)/gen/docs.html: $(API_DOCS) protocol/gen/apidocs.py
	$(call generate,protocol/gen/apidocs.py $(API_DOCS))
$(B)/gen/api_files.h: $(API_EMBEDDED) protocol/gen/embed.py
	$(call generate,protocol/gen/embed.py api $(API_EMBEDDED))

# The contracts' ABI.
ABI_IN := protocol/abi/kalypso.abi protocol/gen/abi.py protocol/gen/abic.py protocol/gen/abigen.py

GEN_C += $(B)/gen/abi_market.c
GEN_H += $(B)/gen/abi_market.h

$(B)/gen/abi_market.h: $(ABI_IN)
	$(call generate,protocol/gen/abigen.py header protocol/abi/kalypso.abi)
$(B)/gen/abi_market.c: $(ABI_IN)
	$(call generate,protocol/gen/abigen.py source protocol/abi/kalypso.abi)

# From the contracts' events to messages.
$(B)/gen/translate.h: protocol/gen/translate.py
	$(call generate,protocol/gen/msggen.py translate-header protocol/messages)
$(B)/gen/translate.c: $(MSG_IN) $(ABI_IN) protocol/gen/translate.py
	$(call generate,protocol/gen/msggen.py translate protocol/abi/kalypso.abi protocol/messages)

abicheck: ## hold protocol/abi against the compiled contracts
	python3 protocol/gen/abicheck.py protocol/abi/kalypso.abi build/contracts/out protocol/contracts/src
.PHONY: abicheck
