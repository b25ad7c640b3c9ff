// Checks what the demo's requests came to, from the chain alone: state, events, money.
const STATES = ["none", "open", "assigned", "fulfilled", "invalid", "slashed", "cancelled", "rejected"];

export class Checks {
	constructor() {
		this.passed = 0;
		this.failures = [];
	}

	check(what, ok) {
		if (ok) this.passed++;
		else this.failures.push(what);
	}

	equal(what, is, want) {
		this.check(`${what}: is ${is}, should be ${want}`, is === want);
	}
}

// How a request ended, by its last event and its expiry.
export function outcomeOf({ request, end }, endTime) {
	if (!end) return "unfinished";
	if (end.eventName === "ProofSubmitted") return "fulfilled";
	if (end.eventName === "TaskSlashed") return "slashed";
	if (end.eventName === "RequestCancelled") return endTime > request.args.params.expiry ? "expired" : "cancelled";
	return "invalid";
}

export async function checkRequest(checks, market, planned, known, outcome) {
	const { chain } = market;
	const { request, task, end } = known;
	const id = request.args.requestId;
	const what = `request ${id}`;
	const [view, refundTo] = [await chain.read("ProofMarketplace", "requestOf", [id]), market.requester.address];
	const wantState = { fulfilled: "fulfilled", slashed: "slashed", cancelled: "cancelled", expired: "cancelled" };
	checks.equal(`${what} in storage`, STATES[view.state], wantState[outcome]);
	if (planned.want === "served") checks.check(`${what} was ${outcome}`, ["fulfilled", "slashed"].includes(outcome));
	else checks.equal(`${what} ended`, outcome, planned.want);
	checks.equal(`${what} carries its inputs`, request.args.inputs, planned.inputs);
	checks.equal(`${what} refunds to the requester`, view.refundTo, refundTo);
	const cap = request.args.params.maxPrice;
	if (!task) {
		checks.equal(`${what} got its whole cap back`, end.args.refund, cap);
		return;
	}
	const started = (await chain.client.getBlock({ blockNumber: task.blockNumber })).timestamp;
	checks.check(`${what} is not above its price cap`, task.args.price <= cap);
	checks.check(`${what} is not above its time cap`, task.args.deadline - started <= BigInt(request.args.params.maxResponseTime));
	checks.check(`${what} ended after its task began`, end.blockNumber >= task.blockNumber);
	checks.equal(`${what} ended with its generator`, end.args.generator, task.args.generator);
	const ended = (await chain.client.getBlock({ blockNumber: end.blockNumber })).timestamp;
	if (outcome === "fulfilled") {
		checks.equal(`${what} paid its price`, end.args.paid, task.args.price);
		checks.equal(`${what} got the rest back`, end.args.refund, cap - task.args.price);
		checks.check(`${what} was proven in time`, ended <= task.args.deadline);
		checks.check(`${what} has a proof that its verifier accepts`, await verifies(market, request, end));
	} else {
		checks.equal(`${what} got its whole cap back`, end.args.refund, cap);
		checks.check(`${what} was not slashed before its deadline`, ended > task.args.deadline);
	}
}

async function verifies(market, request, end) {
	const { verifier } = market.markets.find(({ id }) => id === request.args.marketId);
	const bytes = (name) => ({ name, type: "bytes" });
	return market.chain.client.readContract({
		address: verifier,
		abi: [
			{
				type: "function",
				name: "verify",
				stateMutability: "view",
				inputs: [bytes("inputs"), bytes("proof")],
				outputs: [{ type: "bool" }],
			},
		],
		functionName: "verify",
		args: [request.args.inputs, end.args.proof],
	});
}

const sum = (list) => list.reduce((a, b) => a + b, 0n);

// What everybody holds now, against what the events say.
export async function checkMoney(checks, market, before, rows) {
	const { chain } = market;
	const balance = (token, who) => chain.read(token, "balanceOf", [who]);
	const addresses = chain.addresses;
	const spent = sum(rows.filter((r) => r.outcome === "fulfilled").map((r) => r.known.end.args.paid));
	checks.equal("the marketplace holds", await balance("PaymentToken", addresses.ProofMarketplace), 0n);
	checks.equal("the requester spent", before.requester - (await balance("PaymentToken", market.requester.address)), spent);
	for (const person of market.people) {
		const own = rows.filter((r) => r.known.task?.args.generator === person.address);
		const earned = sum(own.filter((r) => r.outcome === "fulfilled").map((r) => r.known.end.args.paid));
		const lost = sum(own.filter((r) => r.outcome === "slashed").map((r) => r.known.end.args.penalty));
		const [, stake, locked] = await chain.read("GeneratorRegistry", "generatorOf", [person.address]);
		checks.equal(`${person.name} earned`, await balance("PaymentToken", person.address), earned);
		checks.equal(`${person.name} has staked`, stake, person.stake - lost);
		checks.equal(`${person.name} has locked`, locked, 0n);
	}
	const staked = sum(await Promise.all(market.people.map(async (p) => (await chain.read("GeneratorRegistry", "generatorOf", [p.address]))[1])));
	checks.equal("the registry holds", await balance("StakeToken", addresses.GeneratorRegistry), staked);
}
