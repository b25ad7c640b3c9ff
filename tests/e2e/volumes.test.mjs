// Volumes that are full or read-only: a service says which, why and what to do, stops sending, and goes on by itself once
// there is room, with nothing lost and nothing done twice. Volumes are small ones of the test's own, in a mount namespace
// that goes with it; where that isn't permitted, the tests say so and are skipped.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { redisSays } from "../../deploy/local/market.mjs";
import { kalypso } from "./cli/world.mjs";
import { World, until } from "./world.mjs";

// A mount namespace: processes are put into it, and volumes are mounted there.
class Namespace {
	static async make() {
		const space = new Namespace();
		space.holder = spawn("setpriv", ["--pdeathsig", "KILL", "--", "unshare", "--mount", "sh", "-c", "echo in; exec sleep infinity"], { stdio: ["ignore", "pipe", "ignore"] });
		const said = await Promise.race([once(space.holder.stdout, "data"), once(space.holder, "close")]);
		const works = String(said[0]).startsWith("in") && space.try("mount -t tmpfs -o size=1m tmpfs /mnt && umount /mnt");
		if (works) return space;
		space.end();
		return undefined;
	}
	get words() {
		return ["nsenter", "--mount", `--target=${this.holder.pid}`, "--"];
	}
	try(script) {
		const [program, ...more] = this.words;
		return spawnSync(program, [...more, "sh", "-c", script], { stdio: "ignore" }).status === 0;
	}
	do(script) {
		assert.ok(this.try(script), script);
	}
	// From its next start on.
	take(process) {
		process.command = [...this.words, ...process.command];
		return process;
	}
	end() {
		this.holder.kill("SIGKILL");
	}
}

const space = await Namespace.make();
const skip = space ? false : "a mount namespace isn't permitted here";
after(() => space?.end());

// Until nothing more fits, not even a byte into a file that is there.
const fill = (folder) => space.try(`dd if=/dev/zero of=${folder}/filler bs=4k; true`);
const clear = (folder) => space.do(`rm -f ${folder}/filler`);

describe("volumes", { skip }, () => {
	let world, volume;
	const SENDERS = ["task-publisher", "slasher-watcher"];
	before(async () => {
		world = await World.start({ args: ["--instances=a,b"] });
		volume = join(world.folder, "volume");
		mkdirSync(volume);
		space.do(`mount -t tmpfs -o size=12m tmpfs ${volume}`);
		// Their journals come back from their logs in Redis.
		for (const name of SENDERS) {
			await world.service(name).stop();
			space.take(world.market.add(world.market.makeService(name, { args: [`--state-dir=${volume}`] })));
			await world.market.restart(name);
		}
	});
	after(() => world?.stop());
	afterEach(() => clear(volume));

	const readyz = async (s) => {
		const answer = await fetch(`${s.admin}/readyz`);
		return `${answer.status} ${await answer.text()}`;
	};
	// It says so, is not ready, and lives.
	async function waits(name, pid, pattern) {
		const s = world.service(name);
		const line = await until(`${name} to have no room`, () => s.event("state.unwritable"));
		assert.equal(line.path, join(volume, `${name}.a`));
		assert.match(line.text, pattern);
		assert.equal(line.level, "error");
		assert.match(await until(`${name} to be unready`, async () => (await readyz(s)).match(/^503 .*/)?.[0]), /the state folder cannot be written/);
		assert.deepEqual([s.running, s.pid], [true, pid]);
	}
	const tasks = async (id) => (await world.chain.events("ProofMarketplace", "TaskCreated", { args: { requestId: id } })).length;

	test("a full one: a sender stops sending, and goes on when there is room", async () => {
		const [publisher, slasher] = SENDERS.map((name) => world.service(name));
		const overdue = await world.request({ preference: "fastest", maxTime: 20 });
		const { args } = await world.until("TaskCreated", overdue);
		fill(volume);
		await world.client.setNextBlockTimestamp({ timestamp: args.deadline + 1n });
		const ids = [await world.request(), await world.request()];
		for (const s of [publisher, slasher]) {
			const failed = await until(`${s.name} to fail`, () => s.event("journal.failed"));
			assert.equal(failed.path, join(volume, `${s.name}.a/journal.db`));
			assert.match(failed.text, /full.*make room there/);
			await waits(s.name, s.pid, /No space left on device: make room there/);
		}
		await until("kalypso status to show it", async () => {
			const { services } = (await kalypso(["status", "--json", `--redis=${world.market.redis}`])).is(1).json;
			const rows = services.filter(({ service }) => SENDERS.includes(service));
			return rows.every(({ ready, why, lease }) => !ready && lease === null && why === "the state folder cannot be written");
		});
		const pids = [publisher.pid, slasher.pid];
		assert.equal(await tasks(ids[1]), 0);

		clear(volume);
		for (const id of ids) await world.until("TaskCreated", id);
		await world.until("TaskSlashed", overdue);
		for (const s of [publisher, slasher]) {
			await until(`${s.name} to be ready`, () => s.isReady());
			assert.ok(s.event("state.writable"));
			assert.equal(await s.metric("service_reloaded_total"), 0); // that means that Redis forgot
		}
		assert.deepEqual([publisher.pid, slasher.pid], pids);
		for (const id of ids) assert.equal(await tasks(id), 1);
		assert.equal((await world.chain.events("ProofMarketplace", "TaskSlashed", { args: { requestId: overdue } })).length, 1);
	});

	test("a full one, and a copy elsewhere: it takes over", async () => {
		const name = "task-publisher";
		const copy = world.market.makeService(name, { instance: "b" });
		copy.name = `${name}-b`;
		copy.log = join(world.folder, "logs", `${copy.name}.log`);
		world.market.add(copy).start();
		await until("the copy to stand by", async () => copy.admin && (await readyz(copy)).includes("standby"));
		fill(volume);
		const id = await world.request();
		await world.until("TaskCreated", id);
		await waits(name, world.service(name).pid, /No space left on device/);
		await until("the copy to be ready", () => copy.isReady());
		clear(volume);
		await until("the first to stand by", async () => (await readyz(world.service(name))).includes("standby"));
		assert.equal(await tasks(id), 1);
		await copy.stop();
		await until("the first to lead again", () => world.service(name).isReady());
		await world.until("TaskCreated", await world.request());
	});

	test("a listener's: it ends once, then it waits, and goes on when there is room", async () => {
		const own = join(world.folder, "listener-volume");
		mkdirSync(own);
		space.do(`mount -t tmpfs -o size=4m tmpfs ${own}`);
		world.market.prover = "http://127.0.0.1:1"; // nobody is there: what it takes it keeps
		const { name, account } = world.market.people.find((person) => person.name === "fast");
		const listener = world.market.add(world.market.makeListener(name, { key: account.key, options: { "state-dir": own } }));
		space.take(listener).start();
		await listener.ready(() => listener.isReady());
		fill(own);
		await world.until("TaskCreated", await world.request({ preference: "fastest", maxTime: 20 }));
		await listener.ended;
		assert.equal(listener.exit.code, 1, listener.tail());
		assert.match(listener.event("journal.failed").text, /full.*make room there/);
		listener.start();
		const line = await until("the listener to have no room", () => listener.event("state.unwritable"));
		assert.equal(line.path, join(own, `listener.${name}`));
		assert.match(await until("its reason", async () => (await readyz(listener)).match(/^503 .*/)?.[0]), /the state folder cannot be written/);
		clear(own);
		await listener.ready(() => listener.isReady());
		await listener.stop();
	});

	test("a read-only one: it waits until it can be written", async () => {
		for (const name of SENDERS) await world.service(name).stop();
		space.do(`mount -o remount,ro ${volume}`);
		for (const name of SENDERS) world.service(name).start();
		for (const name of SENDERS) await waits(name, world.service(name).pid, /Read-only file system: mount it so that it can be written/);
		const id = await world.request();
		space.do(`mount -o remount,rw ${volume}`);
		await world.until("TaskCreated", id);
		for (const name of SENDERS) await until(`${name} to be ready`, () => world.service(name).isReady());
		assert.equal(await tasks(id), 1);
	});

	test("one on which it has never been and can't write: refused, with its path and what to do", async () => {
		const bare = join(volume, "bare");
		space.do(`mkdir ${bare} && mount --bind ${bare} ${bare} && mount -o remount,ro,bind ${bare}`);
		for (const name of ["matcher", "task-publisher"]) {
			const s = space.take(world.market.makeService(name, { instance: "c", args: [`--state-dir=${bare}`] })).start();
			await s.ended;
			assert.equal(s.exit.code, 2);
			const { path, text } = s.event("state.folder");
			assert.equal(path, join(bare, `${name}.c`));
			assert.match(text, /Read-only file system: .*--state-dir/);
		}
	});

	test("Redis's: it ends, everybody waits, and goes on when it is back", async () => {
		const redis = world.service("redis");
		await redis.stop();
		// Where it was, but on a small volume.
		const folder = join(world.folder, "redis");
		cpSync(folder, `${folder}-copy`, { recursive: true });
		space.do(`mount -t tmpfs -o size=16m tmpfs ${folder} && cp -a ${folder}-copy/. ${folder}`);
		space.take(redis).start();
		await until("Redis", () => redisSays(world.market.redisPort, "ping") === "PONG");
		await world.until("TaskCreated", await world.request());
		fill(folder);
		const id = await world.request();
		await redis.ended;
		assert.match(readFileSync(redis.log, "utf8"), /AOF write error|No space left on device/);
		await until("everybody to miss it", async () => (await world.metrics("alarm_redis_slow")).matcher === 1);
		clear(folder);
		redis.start();
		await world.until("TaskCreated", id);
		assert.equal(await tasks(id), 1);
		await until("the alarm's end", async () => (await world.metrics("alarm_redis_slow")).matcher === 0);
	});
});
