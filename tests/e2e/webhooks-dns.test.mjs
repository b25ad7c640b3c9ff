// Names of webhooks that change their mind: public when they are registered, ours when a message is due. With real DNS and
// real certificates, in a network and a view of /etc that belong to this test alone; what goes to 20.20.20.20 stays in there.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort } from "../../deploy/local/processes.mjs";
import { Dns } from "./webhooks/dns.mjs";
import { Receiver } from "./webhooks/receiver.mjs";
import { World, until } from "./webhooks/world.mjs";
import { World as Base } from "./world.mjs";

const INSIDE = "KALYPSO_OWN_NAMESPACES";
const PUBLIC = ["20.20.20.20", "20.20.20.21"];
const REFUSED = "the address isn't public";
// What each name turns into. Nobody listens at the public address any more by then.
const TURNS = [
	{ name: "loopback", to: ["127.0.0.1"] },
	{ name: "private", to: ["10.1.2.3"] },
	{ name: "metadata", to: ["169.254.169.254"] },
	{ name: "any", to: ["0.0.0.0"] },
	{ name: "loopback6", to: ["::1"] },
	{ name: "mapped", to: ["::ffff:7f00:1"] },
	{ name: "both", to: [PUBLIC[0], "127.0.0.1"] },
];
const OURS = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1"]; // where the trap listens

if (process.env[INSIDE]) inside();
else outside();

function outside() {
	const unshare = ["--net", "--mount", ...(process.getuid() ? ["--map-root-user"] : []), "--"];
	const { status, stderr, error } = spawnSync("unshare", [...unshare, "true"], { encoding: "utf8" });
	const skip = status !== 0 && `no namespaces here: ${(error?.message ?? stderr).trim()}`;
	test("webhooks whose names change their mind", { skip }, () => {
		const env = { ...process.env, [INSIDE]: "1", NODE_TEST_CONTEXT: "" };
		const run = spawnSync("unshare", [...unshare, process.execPath, "--test-reporter=tap", fileURLToPath(import.meta.url)], { env, encoding: "utf8" });
		assert.equal(run.status, 0, `${run.stdout}${run.stderr}`);
		assert.match(run.stdout, /^# pass [1-9]/m);
	});
}

function inside() {
	const folder = mkdtempSync(join(tmpdir(), "kalypso-dns-"));
	const world = new World();
	const dns = new Dns();
	const retries = Array(16).fill(3).join(",");
	let port, tls, receiver, trap, hooks;
	const domain = (name) => `${name}.hooks.example`;

	function put(file, text) {
		const own = join(folder, file.replaceAll("/", "-"));
		writeFileSync(own, text);
		execFileSync("mount", ["--bind", own, file]);
	}

	async function listenAt(host, heard = new Receiver()) {
		world.receivers.push(heard);
		return heard.listen({ host, port, tls });
	}

	before(async () => {
		const ip = (...words) => execFileSync("ip", words);
		ip("link", "set", "lo", "up");
		for (const address of [...PUBLIC, "10.1.2.3", "169.254.169.254"]) ip("address", "add", `${address}/32`, "dev", "lo");
		const [key, cert] = ["key", "cert"].map((name) => join(folder, `${name}.pem`));
		const words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=hooks.example"];
		execFileSync("openssl", [...words, "-addext", "subjectAltName=DNS:*.hooks.example", "-keyout", key, "-out", cert], { stdio: "ignore" });
		tls = { key: readFileSync(key), cert: readFileSync(cert) };
		put("/etc/ssl/certs/ca-certificates.crt", tls.cert);
		put("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:5 attempts:3\n");
		put("/etc/nsswitch.conf", "hosts: dns\n");
		await dns.listen(53, "127.0.0.1");
		port = await freePort();
		world.base = await Base.start({ services: ["chain-indexer", "orderbook"], listeners: false });
		world.a = await world.addGateway("a", ["--webhook-allow=", `--webhook-retries=${retries}`]);
		// One trap, at every address that only this machine reaches.
		trap = { connections: 0 };
		for (const host of OURS) (await listenAt(host)).server.on("connection", () => trap.connections++);
	});
	after(async () => {
		await world.stop();
		await dns.close();
		rmSync(folder, { recursive: true, force: true });
	});

	function attemptOf(hook, what, fits) {
		return until(what, async () => {
			const all = await hook.attempts();
			return all.find(fits) ?? assert.fail(JSON.stringify(all));
		}, { everyMs: 200 });
	}

	describe("a name of a webhook", () => {
		test("is asked for when it is registered, and told there, over TLS that is checked", async () => {
			receiver = await listenAt(PUBLIC[0]);
			for (const { name } of TURNS) dns.names.set(domain(name), [PUBLIC[0]]);
			hooks = [];
			for (const { name } of TURNS) hooks.push(await world.register({ url: `https://${domain(name)}:${port}/` }));
			for (const hook of hooks) assert.equal((await hook.attempts())[0].address, PUBLIC[0]);
		});

		test("gains nothing by turning into an address of ours, alone or among others", async () => {
			await receiver.close();
			for (const { name, to } of TURNS) dns.names.set(domain(name), to);
			// The trap is there, for whoever goes by the name.
			await untilTrapped(domain("loopback"));
			for (const hook of hooks) assert.equal((await hook.post("test")).status, 202);
			await Promise.all(TURNS.map(async ({ name, to }, i) => {
				await until(`the gateway to be told of ${name}`, () => dns.told.some((t) => t.name === domain(name) && t.addresses === to));
				const { length } = await hooks[i].attempts();
				const [newest] = await until(`two more attempts at ${name}`, async () => {
					const all = await hooks[i].attempts();
					return all.length > length + 1 && all;
				}, { everyMs: 200 });
				assert.equal(newest.status, null, name);
				if (to.length === 1) assert.equal(newest.error, REFUSED, name);
			}));
			assert.equal(trap.connections, 0);
		});

		test("is followed to another public address; what waited comes there", async () => {
			for (const { name } of TURNS) dns.names.set(domain(name), [PUBLIC[1]]);
			const moved = await listenAt(PUBLIC[1]);
			for (const hook of hooks) {
				const { address } = await attemptOf(hook, "the test", ({ event, outcome }) => event === "webhook.test" && outcome === "delivered");
				assert.equal(address, PUBLIC[1]);
			}
			assert.equal(moved.messages.length, hooks.length);
			assert.equal(trap.connections, 0);
		});

		test("isn't even asked for when a redirect names it", async () => {
			const away = domain("away");
			dns.names.set(away, ["127.0.0.1"]);
			dns.names.set(domain("door"), [PUBLIC[0]]);
			const door = await listenAt(PUBLIC[0]);
			door.answer = (_, response) => response.writeHead(307, { location: `https://${away}:${port}/` }).end();
			const hook = await world.register({ url: `https://${domain("door")}:${port}/` }, {}, { active: false });
			await attemptOf(hook, "the redirect", ({ error }) => error === "redirects are not followed");
			assert.ok(dns.told.some(({ name }) => name === domain("door")));
			assert.ok(!dns.told.some(({ name }) => name === away));
			assert.equal(trap.connections, 0);
		});
	});

	function untilTrapped(host) {
		return until("the trap to be reached by name", async () => {
			const socket = connect(port, host);
			await once(socket, "connect");
			socket.destroy();
			assert.equal(trap.connections, 1);
			trap.connections = 0;
			return true;
		});
	}
}
