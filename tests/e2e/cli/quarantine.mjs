// What services couldn't read, on a Redis and with services of its own: an event of a contract that says what it
// shouldn't, and an entry of a log that nobody of ours wrote.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT } from "../../../deploy/local/chain.mjs";
import { redisSays } from "../../../deploy/local/market.mjs";
import { Process, Service, freePort } from "../../../deploy/local/processes.mjs";
import { KALYPSO, engine, governor, stranger, until } from "./world.mjs";

const ROUND_CLOSED = 0x0303;
const GOOD = /^round_closed (.*)$/m.exec(readFileSync(join(ROOT, "tests/golden/messages.txt"), "utf8"))[1];
// LOG2(nothing, 0xbad, 0xbeef): no event of ours.
const SPEAKS_NONSENSE = "0x61beef610bad60006000a200";

export function quarantineTests(world) {
	describe("quarantine", () => {
		let redis, port, run, where, indexer, publisher;
		const kalypso = (words, code = 0) => world.json(`quarantine ${words} ${where}`, code);
		const refused = (words, code) => world.error(`quarantine ${words} ${where}`, code);
		const key = (name) => `kalypso:{local}:${name}`;
		const items = async (service) => (await kalypso(`list ${service}`)).items;
		// XADD with bytes: the last field is @hex. The new id.
		const add = (stream, id, fields, hex) => {
			const bytes = "(ARGV[#ARGV]:gsub('..', function(x) return string.char(tonumber(x, 16)) end))";
			const script = `local a = ARGV a[#a] = ${bytes} return redis.call('XADD', KEYS[1], unpack(a))`;
			return redisSays(port, "eval", script, 1, key(stream), id, ...fields, hex);
		};
		// Entry 1 of the match log, which nobody writes here.
		const writeMatchLog = (hex) => {
			redisSays(port, "del", key("log:match"));
			add("log:match", "1-0", ["t", ROUND_CLOSED, "b"], hex);
		};

		before(async () => {
			run = mkdtempSync(join(tmpdir(), "kalypso-"));
			mkdirSync(world.path("redis"));
			port = await freePort();
			const settings = { port, bind: "127.0.0.1", dir: world.path("redis"), appendonly: "yes", appendfsync: "always", save: "" };
			const command = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
			redis = new Process("redis", ["redis-server", ...command], { log: world.path("logs/redis.log") });
			await redis.start().ready(() => redisSays(port, "ping") === "PONG", { everyMs: 50 });
			where = `--redis=redis://127.0.0.1:${port}`;
			const shared = [where, `--bus=ipc://${run}/%`, `--state-dir=${world.path("state")}`];
			const { ASAN_OPTIONS, UBSAN_OPTIONS, LSAN_OPTIONS } = process.env;
			const env = ASAN_OPTIONS ? { ASAN_OPTIONS, UBSAN_OPTIONS, LSAN_OPTIONS } : {};
			const service = (name, own, ...args) =>
				new Service(name, join(KALYPSO, "..", name), { folder: world.folder, args: [...shared, ...args], env: { ...env, ...own } });
			const chain = [`--contracts=${world.contractsFile}`, `--rpc=${world.chain.url}`];
			indexer = service("chain-indexer", {}, ...chain, "--poll=100");
			const own = { KALYPSO_ENGINE_KEY: engine.key, KALYPSO_RELAYER_KEY: stranger.key };
			publisher = service("task-publisher", own, ...chain, "--quarantine-bytes=8");
			await Promise.all([indexer, publisher].map((s) => s.start().ready(() => s.admin !== undefined)));
		});
		after(async () => {
			await Promise.all([indexer, publisher].map((s) => s?.stop()));
			await redis?.stop();
			rmSync(run, { recursive: true, force: true });
		});

		test("is empty at first", async () => {
			assert.deepEqual(await kalypso("list"), { items: [], total: 0 });
			(await world.run(`quarantine list ${where}`)).is(0, /nothing is in quarantine/);
		});

		test("an event that can't be read: its bytes, its reason, and how it can be read after all", async () => {
			const { client, registry } = world;
			const code = await client.getCode({ address: registry });
			await client.setCode({ address: registry, bytecode: SPEAKS_NONSENSE });
			const hash = await world.chain.wallet(governor).sendTransaction({ to: registry });
			const { blockNumber } = await client.waitForTransactionReceipt({ hash });
			await client.setCode({ address: registry, bytecode: code });
			const item = await until("the event to be kept", async () => (await items("chain-indexer"))[0]);
			assert.equal(item.kind, "event");
			assert.equal(item.what, `block ${blockNumber} log 0 tx ${hash}`);
			assert.equal(item.reason, "type is not one we know");
			assert.match(item.kept_at, /^20\d\d-/);
			const shown = await kalypso(`show chain-indexer ${item.id}`);
			assert.equal(shown.body, `0x${"0bad".padStart(64, "0")}${"beef".padStart(64, "0")}`);
			assert.equal(shown.decoded, null);
			assert.match(shown.decode_error, /as an event: type is not one we know/);
			(await world.run(`quarantine show chain-indexer ${item.id} ${where}`)).is(0, /Bytes +0x0{60}0bad/);
			const error = await refused(`retry chain-indexer ${item.id}`, 1);
			assert.match(error.message, /upgrade chain-indexer, and index anew under another --name/);
			assert.equal((await items("chain-indexer")).length, 1);
		});

		test("an entry that can't be read: kept once, cut to --quarantine-bytes, however often its reader begins", async () => {
			writeMatchLog("95".padEnd(32, "f"));
			const item = await until("the entry to be kept", async () => (await items("task-publisher"))[0]);
			const { kind, log, number, type, size } = item;
			assert.deepEqual({ kind, log, number, type, size }, { kind: "entry", log: "match", number: "1", type: "round_closed", size: 16 });
			const shown = await kalypso(`show task-publisher ${item.id}`);
			assert.equal(shown.body, "0x95ffffffffffffff");
			assert.match(shown.decode_error, /only its first 8 bytes were kept/);
			await publisher.stop();
			await publisher.start().ready(() => publisher.event("log.unreadable"));
			assert.equal((await items("task-publisher")).length, 1);
			assert.match((await refused(`retry task-publisher ${item.id}`, 1)).message, /can't be read yet: as round_closed: bytes do not decode/);
			assert.equal((await items("task-publisher")).length, 1);
		});

		test("an entry whose log has been mended is read again", async () => {
			const [{ id }] = await items("task-publisher");
			await publisher.stop();
			writeMatchLog(GOOD);
			await publisher.start().ready(() => publisher.admin !== undefined);
			await until("it to be at work", async () => (await publisher.metric("log_read_total")) > 0);
			const { items: again } = await kalypso(`retry task-publisher ${id}`);
			assert.deepEqual(again, [{ id, log: "match", number: "1" }]);
			assert.equal((await until("it to begin again", () => publisher.event("service.reloading"))).err, "AGAIN");
			assert.deepEqual(await items("task-publisher"), []);
			assert.match((await refused(`retry task-publisher ${id}`, 4)).message, /holds no/);
		});

		test("an entry of a fold is refused: a replay has to say what it said", async () => {
			const mark = ["log", "chain", "epoch", 1, "number", 1, "type", 0x0102, "what", "chain:1", "reason", "r", "body", "x"];
			const id = redisSays(port, "xadd", key("quarantine:matcher"), "*", ...mark);
			assert.match((await refused(`retry matcher ${id}`, 1)).message, /a replay has to say the same/);
			redisSays(port, "xadd", key("quarantine:task-publisher"), "*", ...mark);
			const [{ id: other }] = await items("task-publisher");
			assert.match((await refused(`retry task-publisher ${other}`, 1)).message, /another life since/);
		});

		test("what this version can read is shown decoded", async () => {
			const about = ["what", "w", "reason", "r", "body"];
			const entry = add("quarantine:orderbook", "*", ["log", "match", "type", ROUND_CLOSED, ...about], GOOD);
			const { decoded, decode_error, body } = await kalypso(`show orderbook ${entry}`);
			assert.deepEqual([decoded.type, decoded.matches, decode_error, body], ["round_closed", 0, null, `0x${GOOD}`]);
			const [{ topics, data }] = await world.chain.events("ProofMarketplace", "MarketCreated");
			const bytes = [...topics, data].map((part) => part.slice(2)).join("");
			const event = add("quarantine:orderbook", "*", ["log", "", "topics", topics.length, ...about], bytes);
			assert.equal((await kalypso(`show orderbook ${event}`)).decoded.event, "MarketCreated");
			(await world.run(`quarantine show orderbook ${event} ${where}`)).is(0, /Decoded +\{"event":"MarketCreated","market_id":"1"/);
			await kalypso("drop orderbook --all --yes");
		});

		test("what is dropped is gone, and only with --yes", async () => {
			const [{ id }] = await items("chain-indexer");
			assert.match((await refused(`drop chain-indexer ${id}`, 2)).message, /say --yes/);
			assert.match((await refused("drop chain-indexer --yes", 2)).message, /ids, or --all/);
			assert.deepEqual(await kalypso(`drop chain-indexer ${id} --yes`), { service: "chain-indexer", dropped: 1 });
			assert.match((await refused(`drop chain-indexer ${id} --yes`, 4)).message, /holds no/);
			assert.equal((await kalypso("drop matcher --all --yes")).dropped, 1);
			assert.deepEqual((await kalypso("list matcher chain-indexer")).items, []);
		});

		test("what isn't a service, or an id", async () => {
			assert.match((await refused("list nobody", 2)).message, /'nobody' is no service with a quarantine/);
			assert.match((await refused("list listener", 2)).message, /'listener' is no service/);
			assert.match((await refused("show matcher 7", 4)).message, /holds no '7'/);
		});
	});
}
