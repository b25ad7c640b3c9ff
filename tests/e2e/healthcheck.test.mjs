// `SERVICE healthcheck`: how a container's engine asks a service whether it is well, without curl or a shell.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { SERVICES } from "../../deploy/local/market.mjs";
import { Service, freePort } from "../../deploy/local/processes.mjs";
import { BINARIES, World, until } from "./world.mjs";

let folder;
before(() => (folder = mkdtempSync(join(tmpdir(), "kalypso-health-"))));
after(() => rmSync(folder, { recursive: true, force: true }));

// What it says and how it ends: {status, text}. Not synchronous: the servers that it asks may be ours.
function ask(name, args, env = {}) {
	const { PATH, HOME, ASAN_OPTIONS, LSAN_OPTIONS } = process.env;
	const options = { env: { PATH, HOME, ...(ASAN_OPTIONS && { ASAN_OPTIONS, LSAN_OPTIONS }), ...env }, timeout: 60_000 };
	return new Promise((resolve) =>
		execFile(join(BINARIES, name), ["healthcheck", ...args], options, (error, stdout, stderr) =>
			resolve({ status: error ? error.code : 0, text: stdout + stderr }),
		),
	);
}

async function says(name, args, env, status, pattern) {
	const answer = await ask(name, args, env);
	assert.match(answer.text, pattern);
	assert.equal(answer.status, status, answer.text);
	assert.equal(answer.text.split("\n").length, 2, `more than one line: ${answer.text}`);
}

// A server that isn't a service; stopped at the test's end.
async function serve(t, onConnection) {
	const sockets = new Set();
	const server = createServer((socket) => (sockets.add(socket.on("error", () => {})), onConnection(socket)));
	await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
	t.after(() => (sockets.forEach((s) => s.destroy()), server.close()));
	return server.address().port;
}

describe("without a service", () => {
	test("the port has to be known", () => says("matcher", [], {}, 1, /^matcher: healthcheck can't know the port: .*--admin-port/));

	test("a port that can't be, an address that can't be", async () => {
		await says("matcher", ["--admin-port=70000"], {}, 1, /can't know the port/);
		await says("matcher", ["--admin-port=1", "--admin-host=localhost"], {}, 1, /nothing answers at localhost:1: Invalid argument/);
	});

	test("nobody is there", async () => {
		const port = await freePort();
		await says("orderbook", [`--admin-port=${port}`], {}, 1, new RegExp(`^orderbook: nothing answers at 127.0.0.1:${port}: Connection refused\n`));
	});

	test("somebody else is there: who says nothing, who hangs up, who speaks something else", async (t) => {
		const silent = await serve(t, () => {});
		await says("matcher", [`--admin-port=${silent}`], {}, 1, /nothing answers at .*: too slow/);
		const short = await serve(t, (socket) => socket.end());
		await says("matcher", [`--admin-port=${short}`], {}, 1, /nothing answers at .*: it hung up/);
		const other = await serve(t, (socket) => socket.end(`220 mail\x1b[2J\r\n${"x".repeat(100_000)}`));
		await says("matcher", [`--admin-port=${other}`], {}, 1, /^matcher: what answers there is no service\n$/);
		const control = await serve(t, (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nready\x1b[2J\nmore"));
		await says("matcher", [`--admin-port=${control}`], {}, 0, /^matcher: ready\?\[2J\n$/);
	});
});

describe("of a service that waits", () => {
	let service, port;
	before(async () => {
		port = await freePort();
		const args = ["--redis=redis://127.0.0.1:1", `--state-dir=${folder}`, `--admin-port=${port}`, "--bus=ipc:///tmp/kalypso-none-%"];
		service = new Service("matcher", join(BINARIES, "matcher"), { folder: logs(folder), args });
		await service.start().ready(() => service.event("service.waiting"));
	});
	after(() => service.stop());

	test("it isn't ready, and says why", () => says("matcher", [`--admin-port=${port}`], {}, 1, /^matcher: waiting for redis\n$/));
	test("it lives", () => says("matcher", ["--live", `--admin-port=${port}`], {}, 0, /^matcher: live \d+\.\d+\.\d+\n$/));
	test("the port comes from where the service has it: environment, or a file with other options", async () => {
		await says("matcher", [], { KALYPSO_ADMIN_PORT: String(port) }, 1, /waiting for redis/);
		await says("matcher", [], { KALYPSO_MATCHER_ADMIN_PORT: String(port), KALYPSO_ADMIN_HOST: "0.0.0.0" }, 1, /waiting for redis/);
		const file = join(folder, "market.conf");
		writeFileSync(file, `redis = redis://127.0.0.1:1\nadmin_port = ${port}\n`);
		await says("matcher", [`--config=${file}`], {}, 1, /waiting for redis/);
	});
});

// `logs` beside the state, as Service wants it.
function logs(at) {
	mkdirSync(join(at, "logs"), { recursive: true });
	return at;
}

describe("in a market", () => {
	let world;
	before(async () => (world = await World.start()));
	after(() => world?.stop());

	for (const name of SERVICES)
		test(`${name} is ready`, async () => {
			const { port } = new URL(world.market.service(name).admin);
			await until(name, async () => (await ask(name, [`--admin-port=${port}`])).status === 0);
			await says(name, [`--admin-port=${port}`], {}, 0, new RegExp(`^${name}: ready\n$`));
		});
});
