#!/usr/bin/env node
// The main job, end to end: a local market, requests placed, proofs made, money settled, and all of it checked.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatUnits, zeroAddress } from "viem";
import { ROLES, ROOT, account } from "../chain.mjs";
import { LocalMarket } from "../market.mjs";
import { sleep, until } from "../processes.mjs";
import { refuseIfUp } from "../running.mjs";
import { inOwnSession } from "../session.mjs";
import { Checks, checkMoney, checkRequest, outcomeOf } from "./check.mjs";
import { makePlan } from "./plan.mjs";
import { Progress, table } from "./show.mjs";
import { Watch } from "./watch.mjs";

const HELP = `usage: demo.mjs [--requests=N] [--folder=DIR | --market=FILE] [--out=DIR]

Starts a local market on free ports, places N requests (24 by default), waits until each has
ended, has everybody withdraw, checks every outcome from the chain, and stops everything.
Writes DIR/summary.json, by default in build/demo. Exit status: 0 if every check passed, else 1.

With --market it asks in a market that is up, whose market.json FILE is; only the requester
withdraws there, and what others hold isn't checked: they have other business too.
`;
const PER_BLOCK = 3; // requests placed at a time
const OUTCOMES = ["fulfilled", "slashed", "cancelled", "expired"];

function readOptions() {
	const { values } = parseArgs({
		options: {
			requests: { type: "string", default: "24" },
			folder: { type: "string", default: join(ROOT, "build/local") },
			market: { type: "string" },
			out: { type: "string", default: join(ROOT, "build/demo") },
			help: { type: "boolean" },
		},
	});
	const requests = Number(values.requests);
	if (!Number.isInteger(requests) || requests < 1 || requests > 10_000)
		throw new Error(`--requests=${values.requests}: give a number from 1 to 10000`);
	return { ...values, requests };
}

// ---- placing

async function place(market, planned) {
	const { timestamp } = await market.chain.client.getBlock();
	const params = {
		marketId: market.marketOf(planned.circuit).id,
		maxPrice: await market.paymentUnits(planned.maxPrice),
		maxResponseTime: planned.maxTime,
		expiry: timestamp + BigInt(planned.expiresIn),
		preference: planned.preference === "cheapest" ? 0 : 1,
		refundTo: zeroAddress,
		spread: 0n,
	};
	const { address, abi } = market.chain.contract("ProofMarketplace");
	return market.chain.wallet(market.requester).writeContract({
		address,
		abi,
		functionName: "createRequest",
		args: [params, planned.inputs, "0x", "0x"],
		nonce: market.nonce++,
		gas: 1_000_000n,
	});
}

// A few in each block; ids follow the order in which they were sent.
async function placeAll(market, plan, watch, stopped) {
	const { client } = market.chain;
	market.nonce = await client.getTransactionCount({ address: market.requester.address });
	for (let i = 0; i < plan.length && !stopped(); i += PER_BLOCK) {
		const block = await client.getBlockNumber({ cacheTime: 0 });
		for (const planned of plan.slice(i, i + PER_BLOCK)) await place(market, planned);
		const placed = Math.min(i + PER_BLOCK, plan.length);
		await until("requests in a block", () => watch.requests.size >= placed, { timeoutMs: 60_000 });
		const ids = [...watch.requests.keys()];
		for (const [k, planned] of plan.slice(i, placed).entries()) planned.id = ids[i + k];
		await cancelWanted(market, plan.slice(i, placed));
		await until("the next block", async () => (await client.getBlockNumber({ cacheTime: 0 })) > block);
	}
}

async function cancelWanted(market, planned) {
	for (const { id } of planned.filter(({ want }) => want === "cancelled")) {
		const { address, abi } = market.chain.contract("ProofMarketplace");
		await market.chain.wallet(market.requester).writeContract({
			address,
			abi,
			functionName: "cancelRequest",
			args: [id],
			nonce: market.nonce++,
			gas: 300_000n,
		});
	}
}

// ---- ending

async function withdrawAll(market) {
	const { chain } = market;
	// Of a market that others run, the other accounts belong to running programs: their nonces aren't ours.
	const others = market.attached ? [] : [market.deployer, account(ROLES.slasher), ...market.people.map((p) => p.account)];
	const everybody = [market.requester, ...others];
	for (const contract of ["ProofMarketplace", "GeneratorRegistry"])
		for (const who of everybody)
			if ((await chain.read(contract, "claimable", [who.address])) > 0n)
				await chain.send(who, contract, "withdraw", [who.address]);
}

function rowOf(market, planned, watch, outcome) {
	const known = watch.requests.get(planned.id);
	const { request, task, end } = known;
	const generator = market.people.find(({ address }) => address === task?.args.generator);
	const since = request.blockNumber;
	return {
		planned,
		known,
		outcome,
		id: Number(planned.id),
		generator: generator?.name ?? "",
		price: task?.args.price,
		requestBlock: Number(since),
		taskBlock: task ? Number(task.blockNumber) : null,
		proofBlock: outcome === "fulfilled" ? Number(end.blockNumber) : null,
		taskMs: task && watch.msBetween(since, task.blockNumber),
		proofMs: outcome === "fulfilled" ? watch.msBetween(since, end.blockNumber) : undefined,
	};
}

async function checkAll(market, plan, watch, before) {
	const checks = new Checks();
	const rows = [];
	for (const planned of plan) {
		const known = watch.requests.get(planned.id);
		const ended = known.end && (await market.chain.client.getBlock({ blockNumber: known.end.blockNumber })).timestamp;
		const outcome = outcomeOf(known, ended);
		rows.push(rowOf(market, planned, watch, outcome));
		if (known.end) await checkRequest(checks, market, planned, known, outcome);
		else checks.check(`request ${planned.id} has not ended`, false);
	}
	if (!market.attached && plan.some(({ want }) => want === "served") && plan.length >= 4)
		checks.check("the silent generator was slashed", rows.some((r) => r.outcome === "slashed"));
	const proofs = rows.filter((r) => r.outcome === "fulfilled").map((r) => r.known.end.args.proof);
	checks.equal("proofs that are unlike all others", new Set(proofs).size, proofs.length);
	if (!market.attached) await checkMoney(checks, market, before, rows);
	return { checks, rows };
}

function writeSummary(folder, rows, checks, seconds, decimals) {
	const requests = rows.map((r) => ({
		id: r.id,
		market: r.planned.circuit,
		preference: r.planned.preference,
		outcome: r.outcome,
		generator: r.known.task?.args.generator ?? null,
		price: r.price === undefined ? null : r.price.toString(),
		requestBlock: r.requestBlock,
		taskBlock: r.taskBlock,
		proofBlock: r.proofBlock,
	}));
	const counts = Object.fromEntries(OUTCOMES.map((o) => [o, rows.filter((r) => r.outcome === o).length]));
	const paid = rows.filter((r) => r.outcome === "fulfilled").reduce((a, r) => a + r.price, 0n);
	const totals = { requests: rows.length, ...counts, paid: paid.toString(), paidTokens: formatUnits(paid, decimals) };
	const summary = {
		requests,
		totals,
		checks: { passed: checks.passed, failed: checks.failures.length },
		seconds: Math.round(seconds * 10) / 10,
	};
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(folder, "summary.json"), `${JSON.stringify(summary, null, "\t")}\n`);
	return summary;
}

// ---- the whole

async function run(market, options, progress, stopped) {
	const began = Date.now();
	const plan = makePlan(options.requests);
	const watch = new Watch(market, (log, known) => progress.event(log, known)).start();
	const before = { requester: await market.chain.read("PaymentToken", "balanceOf", [market.requester.address]) };
	progress.begin(market, plan, watch);
	try {
		await placeAll(market, plan, watch, stopped);
		while (watch.ended() < plan.length && !stopped()) await sleep(100);
		if (stopped()) return undefined;
		progress.end();
		progress.say("everybody withdraws");
		await withdrawAll(market);
		progress.say("checking every outcome on the chain");
		const { checks, rows } = await checkAll(market, plan, watch, before);
		const decimals = await market.chain.read("PaymentToken", "decimals");
		return { checks, rows, decimals, summary: writeSummary(options.out, rows, checks, (Date.now() - began) / 1000, decimals) };
	} finally {
		progress.end();
		await watch.stop();
	}
}

async function main() {
	const options = readOptions();
	const progress = new Progress();
	let market;
	let interrupted = false;
	const stopped = () => interrupted;
	const stop = async () => {
		await market?.stop();
		progress.end();
		if (!options.market) progress.say(`everything is stopped; logs are in ${join(options.folder, "logs")}`);
	};
	for (const name of ["SIGINT", "SIGTERM", "SIGHUP"])
		process.on(name, () => {
			if (interrupted) return;
			interrupted = true;
			progress.say(`${name}: stopping everything`);
			// What was being asked of the chain has nobody to answer it any more.
			process.on("unhandledRejection", () => {});
			stop().then(() => process.exit(130));
			setTimeout(() => process.exit(130), 20_000).unref();
		});
	if (options.market) {
		market = await LocalMarket.attach(options.market);
	} else {
		refuseIfUp(options.folder);
		market = new LocalMarket({ folder: options.folder, say: (text) => progress.say(`starting: ${text}`) });
	}
	try {
		if (!options.market) await market.begin();
		const done = await run(market, options, progress, stopped);
		if (done) report(done, progress, options);
	} catch (error) {
		if (!interrupted) throw error;
	} finally {
		if (!interrupted) await stop();
	}
}

function report({ checks, rows, decimals, summary }, progress, { out }) {
	console.log(`\n${table(rows, decimals)}\n`);
	const { totals } = summary;
	const parts = OUTCOMES.filter((o) => totals[o]).map((o) => `${totals[o]} ${o}`);
	console.log(`${totals.requests} requests in ${summary.seconds} s: ${parts.join(", ")}; ${totals.paidTokens} tokens paid to generators`);
	for (const failure of checks.failures) console.log(`FAILED  ${failure}`);
	progress.say(`${checks.passed} checks passed, ${checks.failures.length} failed; ${join(out, "summary.json").replace(ROOT, "")}`);
	if (checks.failures.length) process.exitCode = 1;
}

try {
	if (process.argv.includes("--help")) process.stdout.write(HELP);
	else await inOwnSession(main);
} catch (error) {
	console.error(`demo: ${error.message}`);
	process.exitCode ||= 1;
}
