// A Docker daemon of the test's own: its socket, data and processes are in a folder that goes away with it. It leaves
// the machine's firewall and other daemons alone: no iptables rules, no default bridge.
//
// KALYPSO_DOCKER_DIR=DIR keeps the folder, and so the images: for people who run this often.
import { execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../../deploy/local/chain.mjs";
import { until } from "../../../deploy/local/processes.mjs";

const PROGRAMS = ["dockerd", "docker", "docker-compose", "mmdebstrap"];
export const IMAGES = { runtime: "kalypso", redis: "kalypso-redis", prometheus: "kalypso-prometheus", development: "kalypso-development" };

// Why there can't be a daemon here; undefined if nothing is known against it.
export function whyNot() {
	if (process.getuid() !== 0) return "starting dockerd needs root";
	const missing = PROGRAMS.filter((name) => !onPath(name));
	if (missing.length) return `not installed: ${missing.join(", ")}`;
	return undefined;
}

function onPath(name) {
	return process.env.PATH.split(":").some((folder) => existsSync(join(folder, name)));
}

export class Engine {
	// A running daemon, or a string that says why there is none.
	static async start() {
		const reason = whyNot();
		if (reason) return reason;
		const engine = new Engine();
		try {
			await engine.begin();
			return engine;
		} catch (error) {
			await engine.stop();
			return error.message;
		}
	}

	constructor() {
		this.kept = process.env.KALYPSO_DOCKER_DIR;
		if (this.kept) mkdirSync(this.kept, { recursive: true });
		this.folder = this.kept ?? mkdtempSync(join(tmpdir(), "kalypso-docker-"));
		this.log = join(this.folder, "dockerd.log");
		const { PATH, HOME } = process.env;
		// No BuildKit: the classic builder is what every engine has.
		this.env = { PATH, HOME, DOCKER_HOST: `unix://${this.folder}/docker.sock`, DOCKER_BUILDKIT: "0", COMPOSE_DOCKER_CLI_BUILD: "0" };
	}

	async begin() {
		const options = {
			host: this.env.DOCKER_HOST,
			"data-root": join(this.folder, "data"),
			"exec-root": join(this.folder, "exec"),
			pidfile: join(this.folder, "dockerd.pid"),
			"containerd-namespace": "kalypso",
			"containerd-plugins-namespace": "kalypso-plugins",
			bridge: "none",
			iptables: false,
			"ip-masq": false,
			"ip-forward": false,
		};
		const out = openSync(this.log, "a");
		const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
		// SIGTERM, also when we die: it then ends its containers and its containerd.
		this.daemon = spawn("setpriv", ["--pdeathsig", "TERM", "--", "dockerd", ...flags], { stdio: ["ignore", out, out], detached: true });
		this.ended = new Promise((resolve) => this.daemon.once("exit", resolve));
		await until("dockerd", async () => {
			if (this.daemon.exitCode !== null) throw Object.assign(new Error(`dockerd doesn't start here: ${this.lastWords()}`), { fatal: true });
			return this.docker("version", "--format", "{{.Server.Version}}");
		});
		await this.sweep();
	}

	// What a test has left; in a folder that is kept also one that was killed.
	async sweep() {
		const left = await this.docker("ps", "--quiet", "--all");
		if (left) await this.docker("rm", "--force", "--volumes", ...left.split("\n"));
		await this.docker("network", "prune", "--force");
		await this.docker("volume", "prune", "--force");
	}

	lastWords() {
		const lines = readFileSync(this.log, "utf8").trim().split("\n");
		return lines.findLast((line) => /failed|error|fatal/i.test(line)) ?? lines.at(-1);
	}

	// Run it to its end; what it wrote, or an error with that.
	run(command, args, { env = {}, timeoutMs = 600_000 } = {}) {
		return new Promise((resolve, reject) =>
			execFile(command, args, { cwd: ROOT, env: { ...this.env, ...env }, maxBuffer: 1 << 26, timeout: timeoutMs }, (error, stdout, stderr) => {
				if (!error) return resolve(stdout.trim());
				const text = (stdout + stderr).trim().split("\n").slice(-40).join("\n");
				reject(Object.assign(new Error(`${command} ${args.join(" ")}: ${error.signal ?? `status ${error.code}`}\n${text}`), { status: error.code, text }));
			}),
		);
	}

	docker(...args) {
		return this.run("docker", args);
	}

	async inspect(...names) {
		return JSON.parse(await this.docker("inspect", ...names));
	}

	// The base, and every image that docker-compose.yml names.
	async build() {
		await this.run(join(ROOT, "deploy/docker/base.sh"), []);
		for (const [target, name] of Object.entries(IMAGES))
			await this.docker("build", "--network=host", `--target=${target}`, `--tag=${name}:local`, "--file=deploy/docker/Dockerfile", ".");
	}

	// Containers, then the daemon, then its folder.
	async stop() {
		if (this.daemon && this.daemon.exitCode === null) {
			await this.sweep().catch(() => {});
			this.daemon.kill("SIGTERM");
			const hard = setTimeout(() => this.daemon.kill("SIGKILL"), 30_000);
			await this.ended;
			clearTimeout(hard);
		}
		for (const at of this.mounts()) execFileSync("umount", ["--lazy", at], { stdio: "ignore" });
		if (!this.kept) rmSync(this.folder, { recursive: true, force: true });
	}

	// What is mounted inside of our folder, deepest first.
	mounts() {
		const all = readFileSync("/proc/self/mounts", "utf8").split("\n").map((line) => line.split(" ")[1]);
		return all.filter((at) => at?.startsWith(`${this.folder}/`)).sort((a, b) => b.length - a.length);
	}
}
