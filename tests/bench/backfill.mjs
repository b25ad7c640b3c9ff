#!/usr/bin/env node
// Back-fill: a fresh chain-indexer reads a chain full of events into a durable log, against a bare download of the same.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { ROLES, ROOT, account } from "../../deploy/local/chain.mjs";
import { redisSays } from "../../deploy/local/market.mjs";
import { until } from "../../deploy/local/processes.mjs";
import { World } from "../e2e/world.mjs";

const PER_BLOCK = 1000;
const RANGE = 4; // blocks in one eth_getLogs of the bare download

// Emits many StakeChanged in one transaction.
const SPAMMER = `
pragma solidity ^0.8.24;
interface IERC20 { function approve(address, uint256) external returns (bool); function mint(address, uint256) external; }
interface IRegistry { function stake(address, uint256) external; }
contract Spammer {
	constructor(IERC20 token, address registry) { token.mint(address(this), 1e30); token.approve(registry, type(uint256).max); }
	function spam(IRegistry registry, address generator, uint256 times) external {
		for (uint256 i = 0; i < times; i++) registry.stake(generator, 1);
	}
}`;

function compile() {
	const require = createRequire(join(ROOT, "deploy/local/package.json"));
	const input = {
		language: "Solidity",
		sources: { "s.sol": { content: SPAMMER } },
		settings: { optimizer: { enabled: true }, evmVersion: "cancun", outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } } },
	};
	const { Spammer } = JSON.parse(require("solc").compile(JSON.stringify(input))).contracts["s.sol"];
	return { abi: Spammer.abi, bytecode: `0x${Spammer.evm.bytecode.object}` };
}

export async function fill(world, events) {
	const { chain, market } = world;
	const who = account(ROLES.deployer);
	const { abi, bytecode } = compile();
	const { StakeToken, GeneratorRegistry } = chain.addresses;
	await chain.client.setIntervalMining({ interval: 0 });
	await chain.client.setAutomine(true);
	const spammer = await chain.deploy(who, abi, bytecode, [StakeToken, GeneratorRegistry]);
	const generator = market.people[0].address;
	for (let done = 0; done < events; done += PER_BLOCK) {
		const args = [GeneratorRegistry, generator, BigInt(Math.min(PER_BLOCK, events - done))];
		const hash = await chain.wallet(who).writeContract({ address: spammer, abi, functionName: "spam", args, gas: 59_000_000n });
		await chain.mined(hash, "spam");
		if (process.stderr.isTTY) process.stderr.write(`\r${done + PER_BLOCK}/${events} events on the chain`);
	}
	console.log(`${events} events on the chain`);
}

// Wait until the services are at the node's newest block.
export async function settled(world, services) {
	const head = String(await world.head());
	const block = (name) => redisSays(world.market.redisPort, "hget", `kalypso:{local}:status:${name}:a`, "block");
	await until("the services to have it all", () => services.every((name) => block(name) === head), { timeoutMs: 300_000, everyMs: 50 });
}

// The same ranges, one after the other over one connection, thrown away.
function download(world, last) {
	const { ProofMarketplace, GeneratorRegistry, EntityKeyRegistry } = world.chain.addresses;
	const address = [ProofMarketplace, GeneratorRegistry, EntityKeyRegistry];
	const lines = [];
	for (let from = 0; from <= last; from += RANGE) {
		const [fromBlock, toBlock] = [from, Math.min(from + RANGE - 1, last)].map((n) => `0x${n.toString(16)}`);
		const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_getLogs", params: [{ address, fromBlock, toBlock }] });
		if (lines.length) lines.push("next");
		lines.push(`url = "${world.chain.url}"`, `header = "content-type: application/json"`, `data = ${JSON.stringify(body)}`, 'output = "/dev/null"');
	}
	const config = join(world.folder, "download.curl");
	writeFileSync(config, `${lines.join("\n")}\n`);
	const began = process.hrtime.bigint();
	execFileSync("curl", ["--silent", "--config", config]);
	return Number(process.hrtime.bigint() - began) / 1e9;
}

// User and system time of a process so far.
function cpuSeconds({ pid }) {
	const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
	return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function index(world) {
	const { market } = world;
	const service = market.service("chain-indexer");
	redisSays(market.redisPort, "flushall");
	rmSync(join(world.folder, "state"), { recursive: true, force: true });
	mkdirSync(join(world.folder, "state"));
	const watched = [service, market.service("redis"), market.anvil];
	service.start();
	const before = watched.map(cpuSeconds);
	const began = process.hrtime.bigint();
	await until("the indexer to be done", () => service.event("service.ready"), { timeoutMs: 120_000, everyMs: 2 });
	const seconds = Number(process.hrtime.bigint() - began) / 1e9;
	const used = watched.map((p, i) => `${p.name} ${(cpuSeconds(p) - before[i]).toFixed(2)} s`);
	console.log(`processor time: ${used.join(", ")}`);
	return seconds;
}

// How much slower than a bare download; 1 is as fast.
export async function backfill(events, { rounds = 3 } = {}) {
	const world = await World.start({ services: ["chain-indexer"] });
	try {
		await fill(world, events);
		await settled(world, ["chain-indexer"]);
		await world.service("chain-indexer").stop();
		const last = Number(await world.head());
		const ratios = [];
		for (let round = 0; round < rounds; round++) {
			const bare = download(world, last);
			const ours = await index(world);
			const entries = Number(redisSays(world.market.redisPort, "xlen", "kalypso:{local}:log:chain"));
			if (entries < events) throw new Error(`only ${entries} entries in the chain log`);
			await world.service("chain-indexer").stop();
			console.log(`back-fill of ${entries} entries: ${ours.toFixed(2)} s; bare download ${bare.toFixed(2)} s`);
			ratios.push(bare / ours);
		}
		return ratios.sort((a, b) => a - b)[Math.floor(ratios.length / 2)];
	} finally {
		await world.stop();
	}
}

if (process.argv[1]?.endsWith("backfill.mjs")) console.log(`ratio ${(await backfill(Number(process.argv[2] ?? 100_000))).toFixed(3)}`);
