/* What the registry has of our generator: is it there, and its compute. */
#include "abi_market.h"
#include "common/hex.h"
#include "common/log.h"
#include "services/listener/listener.h"

enum { AGAIN_MS = 2000, REFRESH_MS = 30000 };

static bool is_zero(const struct address *a)
{
	static const struct address zero;

	return address_eq(a, &zero);
}

static void take(struct listener *self, const struct abi_generator_of_result *r)
{
	char address[ADDRESS_ROOM];
	bool was = self->record.registered;

	self->record.registered = !is_zero(&r->reward_address);
	if (self->record.registered) {
		self->record.complained = false;
		job_set_compute(self->job, r->compute);
		if (!was)
			log_info("generator.registered",
				 "generator=%s compute=%llu",
				 address_format(address, &self->generator),
				 (unsigned long long)r->compute);
		listener_go_on(self);
		return;
	}
	if (!self->record.complained)
		log_warn("generator.unregistered",
			 "generator=%s text=\"no task will come until it "
			 "registers: kalypso generator register\"",
			 address_format(address, &self->generator));
	self->record.complained = true;
	listener_go_on(self);
}

static void on_record(void *arg, const struct rpc_answer *a)
{
	struct listener *self = arg;
	struct abi_generator_of_result r;
	struct buf bytes = {0};

	self->record.asking = false;
	if (!a->err && !evm_bytes_parse(&bytes, a->result) &&
	    !abi_result_generator_of(&r, buf_bytes(&bytes)))
		take(self, &r);
	buf_free(&bytes);
}

void record_ask(struct listener *self)
{
	uint64_t now_ms = listener_now_ms();
	uint64_t every = self->record.registered ? REFRESH_MS : AGAIN_MS;
	struct buf call = {0};

	if (self->record.asking ||
	    (self->record.asked_ms && now_ms - self->record.asked_ms < every))
		return;
	self->record.asked_ms = now_ms;
	if (!abi_call_generator_of(&call, &self->generator)) {
		self->record.asking = true;
		rpc_call(self->rpc, "eth_call",
			 json_pack("[{s:o, s:o}, s]", "to",
				   evm_address(&self->contracts.registry),
				   "data", evm_data(buf_bytes(&call)),
				   "latest"),
			 on_record, self);
	}
	buf_free(&call);
}
