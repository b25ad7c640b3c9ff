#!/usr/bin/env node
// The chain of the market in docker-compose.yml: anvil, saved to a volume block by block, and loaded again at its start.
//
// anvil's own --state saves at its end, which a container that is killed doesn't have, and not in one step.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { Chain, anvilCommand } from "../local/chain.mjs";
import { sleep, until } from "../local/processes.mjs";

const FILE = "/var/lib/kalypso/chain.json";
const READY = "/tmp/ready"; // the container's health check looks for it
const PORT = 8545;
const BLOCK_TIME_S = 1;
const SAVE_SHARE = 20; // saving takes at most one part in so many of the time

const known = existsSync(FILE);
rmSync(READY, { force: true });
if (known) write(withOneGenesis(readFileSync(FILE)));
// A new chain mines on demand until the deployer starts its clock.
const args = known ? ["--load-state", FILE, "--block-time", String(BLOCK_TIME_S)] : [];
const [program, ...rest] = [...anvilCommand("0.0.0.0", PORT), ...args];
const anvil = spawn(program, rest, { stdio: "inherit" });
const { client } = new Chain(`http://127.0.0.1:${PORT}`);
let saved;
let saving = Promise.resolve();
let stopping = false;

// Each anvil makes a block 0 of its own, saves it beside the one it was given, and at the next start takes whichever it
// reads last: the chain would be another one.
function withOneGenesis(text) {
	const state = JSON.parse(text);
	const first = (block) => BigInt(block.header.number) === 0n;
	const oldest = state.blocks.filter(first).reduce((a, b) => (BigInt(b.header.timestamp) < BigInt(a.header.timestamp) ? b : a));
	state.blocks = state.blocks.filter((block) => !first(block) || block === oldest);
	return JSON.stringify(state);
}

function write(text) {
	writeFileSync(`${FILE}.new`, text);
	renameSync(`${FILE}.new`, FILE);
}

// One at a time: an older one must not come after a newer one.
function save() {
	saving = saving.catch(() => {}).then(saveNewest);
	return saving;
}

async function saveNewest() {
	const { hash } = await client.getBlock({ blockTag: "latest" });
	if (hash === saved) return;
	const state = await client.request({ method: "anvil_dumpState", params: [] });
	write(gunzipSync(Buffer.from(state.slice(2), "hex")));
	saved = hash;
}

async function stop() {
	stopping = true;
	await save().catch((error) => console.error(`chain: not saved at its end: ${error.message}`));
	anvil.kill("SIGTERM");
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, stop);
anvil.once("exit", (code, signal) => {
	console.log(`chain: anvil ended (${signal ?? `status ${code}`})`);
	process.exit(stopping ? 0 : 1);
});

await until("anvil", () => client.getChainId());
console.log(`chain: ${known ? `goes on at block ${await client.getBlockNumber()}` : "new"}, port ${PORT}`);
writeFileSync(READY, "");
while (!stopping) {
	const began = Date.now();
	await save().catch((error) => console.error(`chain: not saved: ${error.message}`));
	await sleep(Math.max(200, SAVE_SHARE * (Date.now() - began)));
}
