// Child processes of a local market: started with a log file each, watched, and never left behind.
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Ask until the answer isn't null or undefined; what it was, or an error that says what for.
export async function until(what, ask, { timeoutMs = 60_000, everyMs = 20 } = {}) {
	const end = Date.now() + timeoutMs;
	let last;
	do {
		try {
			const answer = await ask();
			if (answer !== null && answer !== undefined && answer !== false) return answer;
		} catch (error) {
			if (error.fatal) throw error;
			last = error;
		}
		await sleep(everyMs);
	} while (Date.now() < end);
	throw new Error(`${what}: not within ${timeoutMs / 1000} s${last ? ` (${last.message})` : ""}`);
}

// A port that nobody listens on at the moment.
export function freePort() {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.once("error", reject);
		server.listen(0, "127.0.0.1", () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
}

export class Process {
	// command: [program, ...arguments]; log: its file; env: added to PATH and HOME; idle: it only gets processor time
	// that nobody else of this session wants.
	constructor(name, command, { log, env = {}, cwd, idle = false }) {
		Object.assign(this, { name, command, log, env, cwd, idle });
		this.exit = null;
	}

	start() {
		const out = openSync(this.log, "a");
		const { PATH, HOME, TMPDIR } = process.env;
		// setpriv: whatever happens to us, the kernel ends the child.
		const first = this.idle ? ["chrt", "--idle", "0"] : [];
		this.child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...first, ...this.command], {
			stdio: ["ignore", out, out],
			cwd: this.cwd,
			env: { PATH, HOME, ...(TMPDIR ? { TMPDIR } : {}), ...this.env },
		});
		closeSync(out);
		this.exit = null;
		this.ended = new Promise((resolve) => {
			this.child.once("error", (error) => resolve((this.exit = { error })));
			this.child.once("exit", (code, signal) => resolve((this.exit = { code, signal })));
		});
		return this;
	}

	get pid() {
		return this.child?.pid;
	}

	get running() {
		return this.child !== undefined && this.exit === null;
	}

	signal(name) {
		if (this.running) process.kill(this.pid, name);
	}

	// Ask it to stop; after a while, make it.
	async stop(patienceMs = 5000) {
		if (!this.running) return;
		this.signal("SIGCONT");
		this.signal("SIGTERM");
		const timer = setTimeout(() => this.signal("SIGKILL"), patienceMs);
		await this.ended;
		clearTimeout(timer);
	}

	async kill() {
		this.signal("SIGKILL");
		await this.ended;
	}

	// The end of its log, for error messages.
	tail(lines = 15) {
		if (!existsSync(this.log)) return "";
		return readFileSync(this.log, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
	}

	died() {
		const { code, signal, error } = this.exit;
		const how = error ? error.message : signal ? `killed by ${signal}` : `status ${code}`;
		return Object.assign(new Error(`${this.name} ended (${how}); the end of ${this.log}:\n${this.tail()}`), {
			fatal: true,
		});
	}

	// Wait until ask() says yes; fail at once if the process ends before.
	async ready(ask, options) {
		await until(
			`${this.name} (log: ${this.log})`,
			async () => {
				if (!this.running) throw this.died();
				return ask();
			},
			options,
		);
		return this;
	}
}

// A service of ours: logs JSON lines, has an admin port.
export class Service extends Process {
	constructor(name, program, { folder, args = [], env = {}, instance = "a", idle }) {
		const log = join(folder, "logs", `${name}.log`);
		super(name, [program, "--log-format=json", `--instance=${instance}`, ...args], { log, env, idle });
	}

	start() {
		this.from = existsSync(this.log) ? readFileSync(this.log).length : 0;
		return super.start();
	}

	// The fields of the newest line with this event since the last start; undefined if there is none.
	event(name) {
		const text = readFileSync(this.log).subarray(this.from).toString();
		const lines = text.split("\n").filter((line) => line.includes(`"event":"${name}"`));
		return lines.length ? JSON.parse(lines.at(-1)) : undefined;
	}

	get admin() {
		const started = this.event("service.started");
		return started && `http://${started.admin}`;
	}

	async isReady() {
		return this.admin !== undefined && (await fetch(`${this.admin}/readyz`)).status === 200;
	}

	// The value of a metric, 0 if it isn't there.
	async metric(name) {
		const text = await (await fetch(`${this.admin}/metrics`)).text();
		const line = text.split("\n").find((l) => l.startsWith(`${name} `));
		return line ? Number(line.slice(name.length + 1)) : 0;
	}
}
