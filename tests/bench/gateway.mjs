#!/usr/bin/env node
// The gateway's figures: fan-out, latency, memory, slow consumers, webhooks, the API, the page. Logs, clients and the rival are
// programs of their own (tests/bench/gateway/); the gateway is the release build.
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { ROOT } from "../../deploy/local/chain.mjs";
import { Service, sleep, until } from "../../deploy/local/processes.mjs";
import { quantile, report } from "./report.mjs";

const LOGS = '{"op":"subscribe","id":1,"logs":["book"]}';
const ALL = "fanout_100,fanout_2000,latency,memory,slow,webhooks,loss,api,page";
const HELP = `usage: gateway.mjs [--build=build] [--gateway=PROGRAM] [--parts=${ALL}]
       [--subscribe=JSON] [--open=10000] [--messages=1000000] [--kills=50]

Measures webhook-gateway and writes build/bench/gateway.jsonl.
  --gateway    another one than build/release/bin/webhook-gateway
  --parts      only these
  --subscribe  what feed clients say (default: ${LOGS})
  --open       requests in the market; a snapshot of a book has all of them
  --messages   sent in a run of the fan-out, to all clients together
  --kills      how often the gateway is killed in the part \`loss\`
`;

const REACH = {
	fanout_ratio_100: ">= 0.8",
	fanout_ratio_2000: ">= 0.8",
	event_p99_ms: "<= 50",
	bytes_per_idle_client: "<= 16384",
	slow_consumer_p99_ratio: "<= 1.2",
	webhooks_per_s: ">= 2000",
	hanging_p99_ratio: "<= 1.2",
	webhooks_lost: "<= 0",
	api_p99_ms: "<= 5",
	book_10000_ms: "<= 50",
	page_kib: "<= 150",
	axe_violations: "<= 0",
};
const PAIRS = 3; // of runs that are compared
const RATE = 200; // events a second
const SECONDS = 8;
const IDLE = 1000; // clients
const AT_ONCE = [1, 32]; // events in a row, of the rival
const AHEAD = 2048; // events that a client may be behind in the fan-out
const HOOKS = 100;
const HANGING = 10; // of them
const HOOK_RATE = 10; // events a second, for each of them
const LIMITS = ["--connections-max=8192", "--clients-max=8192", "--per-ip-max=8192", "--rate-limit=0"];
const WEBHOOKS = ["--webhooks", "--webhook-open", "--webhook-allow=127.0.0.1/32"];

const { values: options } = parseArgs({
	options: {
		build: { type: "string", default: join(ROOT, "build") },
		gateway: { type: "string" },
		parts: { type: "string", default: ALL },
		kills: { type: "string", default: "50" },
		subscribe: { type: "string", default: LOGS },
		open: { type: "string", default: "10000" },
		messages: { type: "string", default: "1000000" },
		help: { type: "boolean" },
	},
});
const OPEN = Number(options.open);
const build = resolve(options.build);
const program = resolve(options.gateway ?? join(build, "release/bin/webhook-gateway"));
const folder = mkdtempSync(join(tmpdir(), "kalypso-bench-"));
const clock = join(folder, "clock");
const say = (text) => process.stderr.write(`${text}\n`);

// ---- programs

// One of ours: answers a line for each line that it is told.
class Program {
	static running = new Set();
	// Rejected when one ends by itself: what the others wait for won't come.
	static failed = new Promise((_, reject) => (Program.fail = reject));

	constructor(name, args) {
		this.name = name;
		this.child = spawn(join(build, "bench/gateway", name), args.map(String), { stdio: ["pipe", "pipe", "inherit"] });
		this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
		this.ended = new Promise((done) => this.child.once("close", done));
		this.ended.then((code) => code && !this.stopping && Program.fail(new Error(`${name} ended with ${code}`)));
		this.child.stdin.on("error", () => {}); // it has ended: the next line says so
		Program.running.add(this);
	}

	async line() {
		const { value, done } = await this.lines.next();
		if (done) throw new Error(`${this.name} ended`);
		return value;
	}

	ask(text) {
		this.child.stdin.write(`${text}\n`);
		return this.line();
	}

	async stop(signal) {
		this.stopping = true;
		if (signal) this.child.kill(signal);
		else this.child.stdin.end();
		await this.ended;
		Program.running.delete(this);
	}
}

// Another gateway, to compare with, may not have an option yet.
const optionsKnown = execFileSync(program, ["--help"], { encoding: "utf8" });
const isKnown = (arg) => optionsKnown.includes(arg.split("=")[0]);

// Redis, the logs, and a gateway that follows them.
class Market {
	key = randomBytes(32).toString("hex");

	async start() {
		this.logs = new Program("logs", [clock]);
		[this.redis, this.bus] = (await this.logs.line()).split(" ");
		mkdirSync(join(folder, "logs"), { recursive: true });
		mkdirSync(join(folder, "state"), { recursive: true });
		await this.startGateway();
		return this;
	}

	async startGateway() {
		await this.gateway?.stop();
		const web = join(ROOT, "services/webhook-gateway/web");
		const env = { KALYPSO_WEBHOOK_KEY: this.key };
		const args = ["--name=test", `--redis=${this.redis}`, `--bus=${this.bus}`, `--state-dir=${join(folder, "state")}`, "--listen-port=0", `--web-dir=${web}`, ...LIMITS, ...WEBHOOKS];
		this.gateway = new Service("webhook-gateway", program, { folder, args: args.filter(isKnown), env });
		await this.gateway.start().ready(() => this.gateway.isReady());
		this.port = this.gateway.event("gateway.listening").port;
	}

	async tell(text) {
		const [ok, number] = (await this.logs.ask(text)).split(" ");
		if (ok !== "ok") throw new Error(`logs: ${ok}`);
		return Number(number);
	}

	// Requests that stay open; the gateway shows them.
	async open(count) {
		const newest = await this.tell(`open ${count}`);
		await until("the open requests", async () => (await fetch(`http://127.0.0.1:${this.port}/v1/requests/${newest}`)).status === 200);
	}

	// Clients of the gateway, all of them subscribed and up to date.
	async clients(count, { stalled = 0, capture } = {}) {
		const clients = await subscribed(this.port, count, stalled, capture);
		await result(clients, await this.tell("fan 10 10"));
		await clients.ask("reset");
		return clients;
	}

	async stop() {
		await this.gateway?.stop();
		await this.logs?.stop();
	}
}

async function subscribed(port, count, stalled, capture) {
	const clients = new Program("clients", [port, count, stalled, clock, options.subscribe, ...(capture ? [capture] : [])]);
	await clients.line();
	return clients;
}

const result = async (clients, target) => JSON.parse(await clients.ask(`result ${target}`));
const figure = (name, value, unit) => ({ name, value, unit, reach: REACH[name] });
const median = (list) => quantile(list, 0.5);

// ---- fan-out

const perSecond = ({ events, seconds }) => events / seconds;

// As fast as it goes; the first client keeps what it gets.
async function gatewayFanout(market, count, capture) {
	const clients = await market.clients(count, { capture });
	const events = Math.ceil(Number(options.messages) / count);
	const target = await market.tell(`fan ${events} ${AHEAD}`);
	const got = await result(clients, target);
	await clients.stop();
	return { ...got, target };
}

// The same bytes to the same clients.
async function bareFanout(count, capture, target, atOnce) {
	const bare = new Program("bare", [capture, count, atOnce]);
	const clients = await subscribed(await bare.line(), count, 0);
	const got = await result(clients, target);
	await clients.stop();
	await bare.stop("SIGKILL");
	return got;
}

async function fanout(market, count) {
	const capture = join(folder, "events");
	const ratios = [];
	for (let pair = 0; pair < PAIRS; pair++) {
		const ours = await gatewayFanout(market, count, capture);
		const rivals = [];
		for (const atOnce of AT_ONCE) rivals.push(await bareFanout(count, capture, ours.target, atOnce));
		// The last one, a mark, isn't waited for.
		if (rivals.some(({ events }) => Math.abs(events - ours.events) > count)) throw new Error("the rival sent something else");
		ratios.push(perSecond(ours) / Math.max(...rivals.map(perSecond)));
		const [own, ...others] = [ours, ...rivals].map((r) => Math.round(perSecond(r)));
		say(`fan-out to ${count}: ${own} messages/s; bare: ${AT_ONCE.map((n, i) => `${others[i]} (${n} at once)`).join(", ")}; ${Math.round(ours.bytes / ours.events)} bytes each`);
	}
	return [figure(`fanout_ratio_${count}`, median(ratios), "ratio")];
}

// ---- latency, and slow consumers

async function paced(market, stalled) {
	const clients = await market.clients(500, { stalled });
	// Until the connections of those who don't read are full.
	if (stalled) await result(clients, await market.tell("fan 1000 500"));
	await clients.ask("reset");
	const got = await result(clients, await market.tell(`pace ${RATE} ${SECONDS}`));
	await clients.stop();
	say(`500 clients, ${stalled} of them stalled, ${RATE} events/s: p50 ${got.p50_ms} ms, p99 ${got.p99_ms} ms, at most ${got.max_ms} ms`);
	return got;
}

async function latency(market) {
	const p99 = [];
	for (let i = 0; i < PAIRS; i++) p99.push((await paced(market, 0)).p99_ms);
	return [figure("event_p99_ms", median(p99), "ms")];
}

async function slow(market) {
	const ratios = [];
	for (let i = 0; i < PAIRS; i++) {
		const [without, stalled] = [await paced(market, 0), await paced(market, 100)];
		ratios.push(stalled.p99_ms / without.p99_ms);
	}
	return [figure("slow_consumer_p99_ratio", median(ratios), "ratio")];
}

// ---- memory

function memoryOf(pid) {
	const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
	return Number(/^Pss:\s+(\d+) kB/m.exec(text)[1]) * 1024;
}

// Of a gateway that has done nothing else; the first clients make it set up what all share.
async function memory(market) {
	await market.startGateway();
	const some = await market.clients(10);
	const before = memoryOf(market.gateway.pid);
	const clients = await market.clients(IDLE);
	await market.tell(`pace ${RATE} 3`);
	const after = memoryOf(market.gateway.pid);
	await clients.stop();
	await some.stop();
	return [figure("bytes_per_idle_client", (after - before) / IDLE, "bytes")];
}

// ---- webhooks

// Receivers, each registered for everything and active.
async function receivers(market) {
	const program = new Program("receivers", [HOOKS, clock]);
	const port = await program.line();
	const webhooks = `http://127.0.0.1:${market.port}/v1/webhooks`;
	program.hooks = [];
	for (let i = 0; i < HOOKS; i++) {
		const body = JSON.stringify({ url: `http://127.0.0.1:${port}/${i}` });
		const answer = await fetch(webhooks, { method: "POST", body });
		if (answer.status !== 201) throw new Error(`registering: ${answer.status} ${await answer.text()}`);
		const { token, webhook } = await answer.json();
		program.hooks.push({ id: webhook.id, headers: { authorization: `Bearer ${token}` } });
	}
	for (const { id, headers } of program.hooks) {
		const state = async () => (await (await fetch(`${webhooks}/${id}`, { headers })).json()).webhook.state;
		await until(`webhook ${id} to be active`, async () => (await state()) === "active");
	}
	program.end = async () => {
		for (const { id, headers } of program.hooks) await fetch(`http://127.0.0.1:${market.port}/v1/webhooks/${id}`, { method: "DELETE", headers });
		await program.stop();
	};
	return program;
}

function complete(got) {
	if (got.missing) throw new Error(`${got.missing} messages never came`);
	return got;
}

async function webhooks(market) {
	const all = await receivers(market);
	const rates = [];
	const ratios = [];
	const hooksPace = async (hanging) => {
		await all.ask(`hang ${hanging}`);
		await all.ask("reset");
		const target = await market.tell(`pace ${HOOK_RATE} ${SECONDS}`);
		const got = { ...complete(await result(all, target)), target };
		say(`${HOOKS} webhooks, ${hanging} hang, ${HOOK_RATE} events/s: p50 ${got.p50_ms} ms, p99 ${got.p99_ms} ms`);
		return got;
	};
	for (let i = 0; i < PAIRS; i++) {
		await all.ask("reset");
		const target = await market.tell("fan 200 200");
		const { messages, seconds } = complete(await result(all, target));
		rates.push(messages / seconds);
		say(`${messages} messages to ${HOOKS} webhooks: ${Math.round(messages / seconds)}/s`);
		const [without, hanging] = [await hooksPace(0), await hooksPace(HANGING)];
		ratios.push(hanging.p99_ms / without.p99_ms);
		await all.ask("hang 0");
		complete(await result(all, hanging.target)); // what was held back
	}
	await all.end();
	return [figure("webhooks_per_s", median(rates), "1/s"), figure("hanging_p99_ratio", median(ratios), "ratio")];
}

// The gateway is killed while messages are on their way.
async function loss(market) {
	const all = await receivers(market);
	let target;
	for (let i = 0; i < Number(options.kills); i++) {
		target = await market.tell("fan 20 20");
		await sleep(Math.random() * 200);
		await market.gateway.kill();
		await market.startGateway();
	}
	const { messages, repeated, missing } = await result(all, target);
	say(`${options.kills} kills: ${messages} messages, ${repeated} of them twice, ${missing} missing`);
	await all.end();
	return [figure("webhooks_lost", missing, "messages")];
}

// ---- the API

async function ask(market, path, rate, seconds, connections) {
	const program = new Program("http", [market.port, path, OPEN, rate, seconds, connections]);
	const got = JSON.parse(await program.line());
	await program.stop();
	say(`${path}, ${rate}/s: p50 ${got.p50_ms} ms, p99 ${got.p99_ms} ms, at most ${got.max_ms} ms; ${Math.round(got.bytes / got.answers)} bytes each`);
	return got;
}

async function api(market) {
	const p99 = [];
	for (let i = 0; i < PAIRS; i++) p99.push((await ask(market, "/v1/requests/%u", 2000, 5, 32)).p99_ms);
	const book = await ask(market, `/v1/markets/1/book?limit=${OPEN}`, 1, 11, 1);
	return [figure("api_p99_ms", median(p99), "ms"), figure("book_10000_ms", book.p50_ms, "ms")];
}

// ---- the page

async function page(market) {
	const { measurePage } = await import("./gateway/page.mjs");
	const { kib, violations } = await measurePage(`http://127.0.0.1:${market.port}/`);
	for (const violation of violations) say(violation);
	return [figure("page_kib", kib, "KiB"), figure("axe_violations", violations.length, "rules")];
}

// ---- all of it

const PARTS = {
	fanout_100: (market) => fanout(market, 100),
	fanout_2000: (market) => fanout(market, 2000),
	latency,
	memory,
	slow,
	webhooks,
	loss,
	api,
	page,
};

async function run(market, parts, figures) {
	await market.start();
	await market.open(OPEN);
	for (const name of parts) figures.push(...(await PARTS[name](market)));
}

async function main() {
	if (options.help) return void process.stdout.write(HELP);
	const parts = options.parts.split(",");
	const unknown = parts.filter((name) => !PARTS[name]);
	if (unknown.length) throw new Error(`no part ${unknown.join(", ")}: there are ${Object.keys(PARTS).join(", ")}`);
	const figures = [];
	const market = new Market();
	for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => Program.fail(new Error(signal)));
	try {
		await Promise.race([run(market, parts, figures), Program.failed]);
	} finally {
		for (const program of Program.running) if (program !== market.logs) program.child.kill("SIGKILL");
		await market.stop();
		rmSync(folder, { recursive: true, force: true });
		// A part that fails doesn't take the others' figures with it.
		if (figures.length) report(join(build, "bench/gateway.jsonl"), "gateway", figures);
	}
}

await main();
