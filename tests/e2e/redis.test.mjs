// Redis with a user for each service: the market works, nobody is refused what he needs, everybody what isn't his own.
//
// What is whose is read from protocol/messages/redis.def here, too, and redis itself is asked about each case.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT } from "../../deploy/local/chain.mjs";
import { LocalMarket } from "../../deploy/local/market.mjs";
import { BINARIES, SERVICES, World, until } from "./world.mjs";

const text = (name) => readFileSync(join(ROOT, "protocol/messages", name), "utf8");
// The rows of one kind: their arguments, without quotes.
const rows = (def, kind) =>
	[...def.matchAll(new RegExp(`^${kind}\\((.*)\\)$`, "gm"))].map(([, row]) =>
		[...row.matchAll(/"([^"]*)"|([^,\s][^,]*)/g)].map(([, quoted, plain]) => quoted ?? plain.trim()),
	);
const links = rows(text("links.def"), "LINK").map(([log, , writer]) => ({ log, writer }));
const folds = rows(text("links.def"), "FOLD").map(([service]) => service);
const def = text("redis.def");
const keys = rows(def, "KEY").map(([name, pattern, type]) => ({ name, pattern, type }));
const grants = rows(def, "GRANT").map(([who, rights, key, argument]) => ({ who, rights, key, argument }));
const calls = rows(def, "CALL").map(([who, name]) => ({ who, name }));

const logOf = (service) => links.find((l) => l.writer === service)?.log;
// Who hears whom: the receivers of every message.
const hears = new Map(SERVICES.map((s) => [s, new Set()]));
for (const { log } of links)
	for (const [, senders, readers] of text(`${log}.msg`).matchAll(/^message \w+ 0x[0-9a-f]{4} ([\w -]*?)->([\w -]*?)(?: from \w+)?$/gm))
		for (const from of senders.trim().split(/\s+/))
			for (const reader of readers.trim().split(/\s+/)) if (reader !== from) hears.get(reader)?.add(logOf(from));

const isMeant = (who, service) =>
	who === service || who === "*" || (who === "writer" && logOf(service)) || (who === "fold" && folds.includes(service));
const fits = (argument, service, given) => {
	if (argument === "READS") return hears.get(service).has(given);
	const pattern = argument.replace("SELF", service).replace(/^LOG$/, logOf(service));
	return pattern === "*" || pattern === given || (pattern.endsWith(":*") && given.startsWith(pattern.slice(0, -1)));
};
// "", "r" or "rw".
const rightsOf = (service, key, given) =>
	grants
		.filter((g) => g.key === key && isMeant(g.who, service) && fits(g.argument, service, given))
		.reduce((best, { rights }) => (rights.length > best.length ? rights : best), "");

const READ = { string: (k) => ["get", k], stream: (k) => ["xrange", k, "-", "+"], hash: (k) => ["hgetall", k], zset: (k) => ["zcard", k] };
const WRITE = { string: (k) => ["set", k, 1], stream: (k) => ["xadd", k, "*", "a", 1], hash: (k) => ["hset", k, "a", 1], zset: (k) => ["zadd", k, 1, "a"] };

describe("a user of Redis for each service", () => {
	let world, folder;
	const redis = (...words) =>
		execFileSync("redis-cli", ["--no-auth-warning", "-p", world.market.redisPort, "--user", "test", "--pass", "test", ...words].map(String), {
			encoding: "utf8",
			stdio: ["ignore", "pipe", "pipe"],
		}).trim();
	// What redis would say to each of these commands: whether it may be.
	const mayAll = (asked) => {
		const input = asked.map(({ user, command }) => `acl dryrun ${user} ${command.map((w) => JSON.stringify(String(w))).join(" ")}\n`).join("");
		const args = ["--no-auth-warning", "-p", world.market.redisPort, "--user", "test", "--pass", "test"].map(String);
		const lines = execFileSync("redis-cli", args, { input, encoding: "utf8", maxBuffer: 1 << 26 }).split("\n").filter(Boolean);
		assert.equal(lines.length, asked.length);
		return lines.map((line) => line === "OK");
	};
	const kalypso = (words, env = {}) => execFileSync(join(BINARIES, "kalypso"), words, { encoding: "utf8", stdio: "pipe", env: { ...process.env, ...env } });
	const password = (name) => readFileSync(join(folder, `${name}.password`), "utf8");

	class Guarded extends LocalMarket {
		// As an administrator does it before the first start.
		async startRedis() {
			await super.startRedis();
			const at = `--redis=redis://local-kalypso@127.0.0.1:${this.redisPort}`;
			kalypso(["redis", "load", at], { KALYPSO_REDIS_PASSWORD: password("kalypso") });
		}

		makeService(name, { args = [], env = {}, ...rest } = {}) {
			const at = `--redis=redis://local-${name}@127.0.0.1:${this.redisPort}`;
			const own = { KALYPSO_REDIS_PASSWORD_FILE: join(folder, `${name}.password`) };
			return super.makeService(name, { args: [...args, at], env: { ...own, ...env }, ...rest });
		}
	}

	before(async () => {
		folder = mkdtempSync(join(tmpdir(), "kalypso-users-"));
		kalypso(["redis", "users", folder]);
		appendFileSync(join(folder, "users.acl"), "user test on >test allkeys allcommands\n");
		world = await World.start({
			Market: Guarded,
			redisSettings: { aclfile: join(folder, "users.acl") },
			args: ["--snapshot-every=20", "--log-keep=16"],
		});
	});
	after(async () => {
		await world?.stop();
		rmSync(folder, { recursive: true, force: true });
	});

	test("the market works, from the first block over snapshots to restarts", async () => {
		await world.until("TaskCreated", await world.request());
		const trimmed = () => Number(redis("xrange", "kalypso:{local}:log:chain", "-", "+", "count", 1).split("-")[0]) > 1;
		await until("snapshots to be written and logs to be trimmed", async () => {
			await world.client.mine({ blocks: 20 });
			return trimmed();
		});
		for (const name of ["chain-indexer", "matcher", "webhook-gateway"]) {
			await world.service(name).kill();
			await world.market.restart(name);
		}
		await world.until("TaskCreated", await world.request());
		const answer = await fetch(`${world.market.gateway}/v1/status`);
		assert.equal(answer.status, 200);
		// Nobody was refused anything, but a look at the settings.
		const refused = redis("acl", "log").split("\n").map((line) => line.trim());
		const objects = refused.flatMap((line, i) => (line === "object" ? [refused[i + 1]] : []));
		assert.deepEqual(objects.filter((o) => o !== "config|get"), [], refused.join(" "));
	});

	test("Redis has all of it when it starts again", async () => {
		const server = world.service("redis");
		for (const name of SERVICES) await world.service(name).stop();
		const all = () => redis("keys", "*").split("\n").filter((key) => !/:(lease|status):/.test(key)).sort();
		const lengths = () => links.map(({ log }) => [log, redis("xinfo", "stream", `kalypso:{local}:log:${log}`).split("\n").slice(0, 12).join(" ")]);
		const had = [all(), lengths()];
		await server.kill();
		await server.start().ready(() => redis("ping") === "PONG");
		assert.deepEqual([all(), lengths()], had);
		assert.doesNotMatch(readFileSync(server.log, "utf8"), /NOPERM/);
		for (const name of SERVICES) await world.market.restart(name);
		await world.until("TaskCreated", await world.request());
	});

	test("every key of every row: who may read and write it, and nobody else", () => {
		const asked = [];
		const ask = (service, command, expected) => asked.push({ user: `local-${service}`, command, expected });
		const given = [...SERVICES, ...links.map((l) => l.log), ...SERVICES.map((s) => `${s}:a`), "7"];
		for (const service of SERVICES)
			for (const { name, pattern, type } of keys)
				for (const argument of pattern.includes("%") ? given : [""]) {
					const key = pattern.replace("{NAME}", "{local}").replace("%", argument);
					const rights = rightsOf(service, name, argument);
					ask(service, READ[type](key), rights !== "");
					ask(service, WRITE[type](key), rights === "rw");
				}
		const may = mayAll(asked);
		assert.deepEqual(asked.filter((a, i) => may[i] !== a.expected), []);
		assert.ok(may.filter(Boolean).length > 100 && asked.length > 2 * SERVICES.length * keys.length);
	});

	test("every function: who may call it, and nobody else; nothing else at all", () => {
		const names = [...new Set([...text("../../common/store.lua").matchAll(/register_function\('(\w+)'/g), ...readFileSync(join(ROOT, "services/webhook-gateway/hook.lua"), "utf8").matchAll(/register_function\('(\w+)'/g)].map((m) => m[1]))];
		assert.ok(names.length > 20);
		const asked = [];
		const ask = (service, command, expected) => asked.push({ user: `local-${service}`, command, expected });
		for (const service of SERVICES) {
			for (const name of names)
				ask(service, ["fcall", name, 1, "kalypso:{local}:epoch"], calls.some((c) => c.name === name && Boolean(isMeant(c.who, service))));
			for (const command of [["flushall"], ["keys", "*"], ["config", "get", "*"], ["config", "set", "appendonly", "no"], ["function", "load", "x"], ["function", "flush"], ["eval", "return 1", 0], ["acl", "setuser", "x"], ["acl", "list"], ["monitor"], ["shutdown"], ["get", "kalypso:{other}:epoch"], ["get", "other"]])
				ask(service, command, false);
		}
		for (const command of [["flushall"], ["get", "kalypso:{other}:epoch"], ["config", "set", "appendonly", "no"], ["acl", "setuser", "x"]])
			ask("kalypso", command, false);
		const may = mayAll(asked);
		assert.deepEqual(asked.filter((a, i) => Boolean(may[i]) !== Boolean(a.expected)), []);
	});

	test("without a password, with a wrong one, as a user that isn't there", async () => {
		const ends = async (args, env, pattern) => {
			const s = world.market.makeService("matcher", { instance: "z", args, env });
			s.name = "matcher-z";
			s.log = join(world.folder, "logs/matcher-z.log");
			await s.start().ended;
			assert.equal(s.exit.code, 2, s.tail());
			assert.match(s.tail(), pattern);
		};
		const stranger = (...words) => execFileSync("redis-cli", ["-p", String(world.market.redisPort), ...words], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
		assert.match(stranger("ping"), /^NOAUTH/);
		for (const who of [["x"], ["default", "x"], ["default", ""]]) assert.match(stranger("auth", ...who), /^WRONGPASS/);
		const file = join(folder, "orderbook.password");
		await ends([], { KALYPSO_REDIS_PASSWORD_FILE: file }, /store.refused.*user.*local-matcher.*KALYPSO_REDIS_PASSWORD_FILE/);
	});

	test("the command line reads its password from a file that is nobody else's", () => {
		const file = join(folder, "copy.password");
		const load = () => kalypso(["redis", "load", `--redis=redis://local-kalypso@127.0.0.1:${world.market.redisPort}`, `--redis-password-file=${file}`]);
		const says = (pattern) => assert.throws(load, (e) => e.status === 2 && pattern.test(e.stderr));
		says(/--redis-password-file: can't read .*copy.password: No such file/);
		writeFileSync(file, "", { mode: 0o600 });
		says(/it is empty/);
		writeFileSync(file, `${password("kalypso")}\n`);
		assert.match(load(), /Loaded/);
		chmodSync(file, 0o644);
		says(/others may read or write it \(mode 0644\): chmod 600/);
		chmodSync(file, 0o600);
		writeFileSync(file, password("matcher"));
		says(/store.refused.*user=local-kalypso/);
	});

	test("--apart: a folder for each; --probe: whoever looks after its health may ask for that alone", () => {
		const apart = join(folder, "apart");
		kalypso(["redis", "users", apart, "--apart", "--probe", "--name=other"]);
		assert.deepEqual(readdirSync(apart).sort(), [...SERVICES, "kalypso", "redis"].sort());
		for (const name of [...SERVICES, "kalypso"]) {
			assert.deepEqual(readdirSync(join(apart, name)), ["redis-password"]);
			assert.equal(statSync(join(apart, name, "redis-password")).mode & 0o777, 0o600);
		}
		const read = (path) => readFileSync(join(apart, path), "utf8");
		const had = [read("matcher/redis-password"), read("redis/users.acl")];
		kalypso(["redis", "users", apart, "--apart", "--probe", "--name=other"]);
		assert.deepEqual([read("matcher/redis-password"), read("redis/users.acl")], had);
		const [, probe] = had[1].split("\n");
		assert.match(probe, /^user other-probe /);
		redis("acl", "setuser", ...probe.split(" ").slice(1));
		const asked = [["ping"], ["get", "kalypso:{local}:epoch"], ["info"], ["config", "get", "*"]].map((command) => ({ user: "other-probe", command }));
		assert.deepEqual(mayAll(asked), [true, false, false, false]);
	});

	test("passwords are files of their owner, and stay when users are written again", () => {
		const had = SERVICES.map(password);
		for (const name of [...SERVICES.map((s) => `${s}.password`), "users.acl"])
			assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
		assert.equal(had.every((p) => /^[0-9a-f]{64}$/.test(p)), true);
		kalypso(["redis", "users", folder]);
		assert.deepEqual(SERVICES.map(password), had);
		for (const p of had) assert.ok(!readFileSync(join(folder, "users.acl"), "utf8").includes(p));
		kalypso(["redis", "users", folder, "--replace"]);
		assert.equal(SERVICES.some((s, i) => password(s) === had[i]), false);
	});
});
