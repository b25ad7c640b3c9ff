#!/usr/bin/env node
// Webhooks measured: deliveries per second, the delay at a steady rate, what hanging receivers cost the others, and whether
// anything is lost while the gateway is killed. Redis, gateway, receiver and writer of the log are processes of their own.
// usage: hooks.mjs BUILD-FOLDER [KILLS]
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ROOT } from "../../deploy/local/chain.mjs";
import { Process, Service, freePort, until } from "../../deploy/local/processes.mjs";
import { report } from "./report.mjs";

const HOOKS = 100;
const HANGING = 11; // a tenth of all
const run = promisify(execFile);

class Bench {
	constructor(build) {
		this.build = resolve(build);
		this.folder = mkdtempSync(join(tmpdir(), "kalypso-hooks-"));
		this.block = 1;
	}

	async start() {
		for (const name of ["logs", "redis", "run"]) mkdirSync(join(this.folder, name));
		this.url = `unix:${join(this.folder, "redis.sock")}`;
		const settings = ["--port", "0", "--unixsocket", this.url.slice(5), "--appendonly", "yes", "--appendfsync", "always", "--save", ""];
		this.redis = new Process("redis", ["redis-server", ...settings, "--dir", join(this.folder, "redis")], { log: join(this.folder, "logs/redis.log") }).start();
		await until("Redis", () => this.write(1, 1, 0));
		this.receiver = spawn(join(this.build, "bench/hook_receiver"), [String(HOOKS)], { stdio: ["ignore", "pipe", "inherit"] });
		for await (const line of createInterface(this.receiver.stdout)) {
			this.port = Number(line);
			break;
		}
		const port = await freePort();
		this.api = `http://127.0.0.1:${port}/v1/webhooks`;
		this.gateway = new Service("webhook-gateway", join(this.build, "release/bin/webhook-gateway"), {
			folder: this.folder,
			args: [`--redis=${this.url}`, `--bus=ipc://${this.folder}/run/%`, `--state-dir=${this.folder}/state`, `--listen-port=${port}`, "--web-dir=",
				"--webhooks", "--webhook-open", "--webhook-allow=127.0.0.0/8"],
			env: { KALYPSO_WEBHOOK_KEY: "ab".repeat(32) },
		}).start();
		await this.ready();
	}

	ready() {
		return this.gateway.ready(() => this.gateway.isReady());
	}

	async stop() {
		this.receiver?.kill("SIGKILL");
		await this.gateway?.stop();
		await this.redis?.stop();
		if (process.env.KALYPSO_KEEP) console.error(`kept: ${this.folder}`);
		else rmSync(this.folder, { recursive: true, force: true });
	}

	// Append blocks of requests, with a pause between.
	async write(blocks, requests, pauseMs) {
		await run(join(this.build, "bench/hook_log"), [this.url, this.block, blocks, requests, pauseMs].map(String));
		this.block += blocks;
		return true;
	}

	async stats() {
		return (await fetch(`http://127.0.0.1:${this.port}/stats`)).json();
	}

	// Register webhooks for @path/0 …, wait until they have answered.
	async register(path, count) {
		const hooks = [];
		for (let i = 0; i < count; i++) {
			const body = JSON.stringify({ url: `http://127.0.0.1:${this.port}/${path}/${i}`, events: ["request.opened"] });
			hooks.push(await (await fetch(this.api, { method: "POST", body })).json());
		}
		for (const { webhook, token } of hooks)
			await until(`${webhook.id} to be active`, async () => {
				const answer = await fetch(`${this.api}/${webhook.id}`, { headers: { authorization: `Bearer ${token}` } });
				return (await answer.json()).webhook.state === "active";
			});
		return hooks;
	}

	// What came of @blocks blocks of @requests; all of it has to.
	async measure(blocks, requests, pauseMs) {
		await this.stats();
		await this.write(blocks, requests, pauseMs);
		const expected = blocks * requests * HOOKS;
		const count = async () => Number(await (await fetch(`http://127.0.0.1:${this.port}/count`)).text());
		await until(`${expected} messages`, async () => (await count()) >= expected, { timeoutMs: 300_000, everyMs: 250 });
		return this.stats();
	}
}

export async function hooks(build, kills = 50) {
	const bench = new Bench(build);
	try {
		await bench.start();
		await bench.register("h", HOOKS);
		process.stderr.write("hooks: all at once\n");
		const burst = await bench.measure(5, 100, 0);
		process.stderr.write("hooks: 2,000 a second\n");
		const steady = await bench.measure(40, 10, 500);
		process.stderr.write(`hooks: with ${HANGING} that hang\n`);
		await bench.register("hang", HANGING);
		const hanging = await bench.measure(40, 10, 500);
		process.stderr.write(`hooks: ${kills} kills\n`);
		const before = (await bench.stats()).distinct;
		const writing = bench.write(kills * 2, 5, 500);
		for (let i = 0; i < kills; i++) {
			await bench.gateway.kill();
			bench.gateway.start();
			await bench.ready();
			await new Promise((done) => setTimeout(done, 300 + Math.random() * 500)); // any moment of its life
		}
		await writing;
		const expected = before + kills * 2 * 5 * HOOKS;
		const end = await until("the rest", async () => {
			const now = await bench.stats();
			return now.distinct >= expected && now;
		}, { timeoutMs: 120_000, everyMs: 500 });
		return [
			{ name: "webhooks_per_s", value: (burst.messages / burst.span_us) * 1e6, unit: "1/s", reach: ">= 2000" },
			{ name: "webhook_p50_ms", value: steady.p50_us / 1000, unit: "ms" },
			{ name: "webhook_p99_ms", value: steady.p99_us / 1000, unit: "ms" },
			{ name: "hanging_p99_ratio", value: hanging.p99_us / steady.p99_us, unit: "", reach: "<= 1.2" },
			{ name: "webhooks_lost", value: expected - end.distinct + end.missing, unit: "", reach: "<= 0" },
		];
	} finally {
		await bench.stop();
	}
}

if (fileURLToPath(import.meta.url) === resolve(process.argv[1])) {
	const build = process.argv[2] ?? join(ROOT, "build");
	report(join(resolve(build), "bench/hooks.jsonl"), "webhooks", await hooks(build, Number(process.argv[3] ?? 50)));
}
