// A bus over TCP under CURVE: a market on it, those who don't belong there, keys that change while it runs.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Service, freePort } from "../../deploy/local/processes.mjs";
import { BINARIES, SERVICES, World, until } from "./world.mjs";

const READERS = SERVICES.filter((name) => name !== "chain-indexer");
const WRITERS = SERVICES.filter((name) => name !== "webhook-gateway");

const keys = (...words) => execFileSync(join(BINARIES, "kalypso"), ["keys", ...words], { encoding: "utf8" });
const lines = (service, event) => readFileSync(service.log, "utf8").split(`"event":"${event}"`).length - 1;

describe("a market on a bus of TCP and CURVE", () => {
	let world, folder, at;
	const key = (name, file = `${name}.key`) => `--bus-key-file=${join(folder, file)}`;

	before(async () => {
		folder = mkdtempSync(join(tmpdir(), "kalypso-keys-"));
		keys("make", folder);
		const addresses = [];
		for (const name of WRITERS) addresses.push(`${name}=tcp://127.0.0.1:${await freePort()}`);
		at = `--bus=${addresses.join(",")}`;
		world = await World.start({
			args: [at, `--bus-allow=${join(folder, "public")}`, "--alarm-silent=2"],
			serviceArgs: Object.fromEntries(SERVICES.map((name) => [name, [key(name)]])),
		});
	});
	after(async () => {
		await world?.stop();
		rmSync(folder, { recursive: true, force: true });
	});

	// Doorbells come: for two blocks on end it doesn't have to ask Redis what is new. Who hears nothing asks twice a second.
	const hears = (name) =>
		until(`${name} to hear the bus`, async () => {
			const service = world.service(name);
			const before = await service.metric("bus_silence_total");
			const head = await world.head();
			await until("two blocks", async () => (await world.head()) >= head + 2n);
			return (await service.metric("bus_silence_total")) === before && (await service.metric("alarm_input_silent")) === 0;
		});
	const allHear = () => Promise.all(READERS.map(hears));
	const settles = async () => world.until("TaskCreated", await world.request());

	test("everybody hears whom he reads, and a request becomes a task", async () => {
		await allHear();
		await settles();
		assert.equal(Object.values(await world.metrics("bus_refused_total")).every((n) => n === 0), true);
	});

	test("no key, an unknown key, a service's key that has nothing to hear: told nothing, and nobody is disturbed", async () => {
		const gateway = (instance, args) => {
			const s = world.market.makeService("webhook-gateway", { instance, args: ["--listen-port=0", at, ...args] });
			s.log = join(world.folder, "logs", `gateway-${instance}.log`);
			return world.market.add(Object.assign(s, { name: `gateway-${instance}` }));
		};
		const own = (name) => join(folder, name);
		// A key of its own in a folder of its own.
		cpSync(own("public"), own("unknown/public"), { recursive: true });
		keys("make", own("unknown"), "webhook-gateway", "--replace");
		// task-publisher's, called the gateway's.
		cpSync(own("public"), own("other"), { recursive: true });
		copyFileSync(own("public/task-publisher.pub"), own("other/webhook-gateway.pub"));
		rmSync(own("other/task-publisher.pub"));
		keys("make", own("more"), "task-publisher");
		copyFileSync(own("more/public/task-publisher.pub"), own("other/task-publisher.pub"));
		const strangers = [
			gateway("plain", ["--bus-key-file=", "--bus-allow="]),
			gateway("unknown", [key("", "unknown/webhook-gateway.key"), `--bus-allow=${own("unknown/public")}`]),
			gateway("other", [key("task-publisher"), `--bus-allow=${own("other")}`]),
		];
		for (const s of strangers) s.start();
		await Promise.all(strangers.map((s) => s.ready(() => s.isReady())));
		await Promise.all(strangers.map((s) => until(`${s.name} to miss the bus`, async () => (await s.metric("alarm_input_silent")) === 1)));
		const book = world.service("orderbook");
		const refused = await book.metric("bus_refused_total");
		await until("both to come again", async () => (await book.metric("bus_refused_total")) >= refused + 4);
		assert.match(readFileSync(book.log, "utf8"), /"event":"bus.refused".*(isn't in --bus-allow|has nothing to hear from orderbook)/);
		await allHear();
		await settles();
		for (const s of strangers) assert.equal(await s.metric("alarm_input_silent"), 1, s.name);
		await Promise.all(strangers.map((s) => s.stop()));
	});

	test("every key is changed while the market runs", async () => {
		const services = SERVICES.map((name) => world.service(name));
		const pids = services.map((s) => s.pid);
		for (const verb of ["prepare", "switch", "retire"]) {
			const had = services.map((s) => lines(s, "bus.renewed"));
			keys(verb, folder);
			await Promise.all(services.map((s, i) => until(`${s.name} to read its keys`, () => lines(s, "bus.renewed") > had[i])));
			await settles();
		}
		await allHear();
		assert.deepEqual(services.map((s) => s.pid), pids);
		assert.equal(services.every((s) => s.running), true);
	});

	test("a file of keys that is broken changes nothing, and is told of once", async () => {
		const book = world.service("orderbook");
		rmSync(join(folder, "public/matcher.pub"));
		await until("it to be told", () => lines(book, "bus.keys") === 1);
		await allHear();
		assert.match(book.event("bus.keys").text, /no key of matcher: copy matcher.pub there/);
		assert.equal(lines(book, "bus.keys"), 1);
	});
});

describe("a bus that can't be", () => {
	let folder;
	before(() => {
		folder = mkdtempSync(join(tmpdir(), "kalypso-keys-"));
		keys("make", folder);
	});
	after(() => rmSync(folder, { recursive: true, force: true }));

	const refused = async (pattern, ...args) => {
		const all = [`--state-dir=${join(folder, "state")}`, "--redis=redis://127.0.0.1:1", ...args];
		const s = new Service("matcher", join(BINARIES, "matcher"), { folder: join(folder, ".."), args: all });
		s.log = join(folder, "log");
		s.start();
		await s.ended;
		assert.equal(s.exit.code, 2, s.tail());
		assert.match(s.tail(1), /service.exited/);
		assert.match(s.tail(2), pattern);
	};
	const own = () => [`--bus-key-file=${join(folder, "matcher.key")}`, `--bus-allow=${join(folder, "public")}`];

	test("beyond this machine without keys", async () => {
		await refused(/bus.address.*kalypso keys make.*--bus-open/, "--bus=tcp://%:7000");
		await refused(/bus.address.*--bus-bind/, "--bus=udp://10.0.0.1:7000");
		await refused(/bus.address.*matcher.a.*--bus-open/, "--bus=ipc:///run/%", "--bus-bind=tcp://0.0.0.0:7000");
	});

	test("keys that aren't there, or aren't ours", async () => {
		await refused(/config.bus_key_file.*go together/, own()[0]);
		await refused(/bus.keys.*nowhere: No such file/, "--bus-key-file=/nowhere", own()[1]);
		await refused(/bus.keys.*orderbook.key: its public key is another service's/, `--bus-key-file=${join(folder, "orderbook.key")}`, own()[1]);
		await refused(/bus.keys.*nowhere: No such file/, own()[0], "--bus-allow=/nowhere");
	});

	test("a secret key that others may read", async () => {
		execFileSync("chmod", ["644", join(folder, "matcher.key")]);
		await refused(/bus.keys.*others may read or write it.*chmod 600/, ...own());
	});

	test("a public address for the admin port", async () => {
		await refused(/config.admin_host.*--admin-open/, "--admin-host=8.8.8.8");
		// Told to, it only fails because that isn't ours.
		await refused(/admin.failed.*8.8.8.8/, "--admin-host=8.8.8.8", "--admin-open");
	});
});
