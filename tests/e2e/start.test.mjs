// How services begin: what they can't run with ends them at once with one clear line; what may get better is waited for.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { account, startAnvil } from "../../deploy/local/chain.mjs";
import { SERVICES, redisSays } from "../../deploy/local/market.mjs";
import { freePort } from "../../deploy/local/processes.mjs";
import { BINARIES, World, until } from "./world.mjs";

const ASK_THE_NODE = ["chain-indexer", "task-publisher", "slasher-watcher"];
const ALL = [...SERVICES, "listener"];
// What has to be given before anything else is looked at.
const KEY = "11".repeat(32);
const NEEDED = {
	KALYPSO_CONTRACTS: "/nowhere/contracts.json",
	KALYPSO_ENGINE_KEY: KEY,
	KALYPSO_RELAYER_KEY: KEY,
	KALYPSO_SLASHER_KEY: KEY,
	KALYPSO_GENERATOR_KEY: KEY,
	KALYPSO_PROVER: "http://127.0.0.1:1",
};

let folder;
before(() => (folder = mkdtempSync(join(tmpdir(), "kalypso-start-"))));
after(() => rmSync(folder, { recursive: true, force: true }));

// Run it to its end, without a market; {status, text}.
function run(name, args, env = {}) {
	const { PATH, HOME, ASAN_OPTIONS } = process.env;
	const options = { encoding: "utf8", timeout: 10_000, env: { PATH, HOME, ...(ASAN_OPTIONS && { ASAN_OPTIONS }), ...env } };
	const { status, stdout, stderr } = spawnSync(join(BINARIES, name), args, options);
	return { status, text: stdout + stderr };
}

// A chain that began anew, with its logs in a folder of this name.
function anotherChain(name, options) {
	mkdirSync(join(folder, name, "logs"), { recursive: true });
	return startAnvil(join(folder, name), options);
}

function refuses(name, args, env, pattern) {
	const { status, text } = run(name, args, env);
	assert.equal(status, 2, `${name} ${args.join(" ")}: ${text}`);
	assert.match(text, pattern);
	assert.ok(text.trim().split("\n").length <= 3, `more than one message: ${text}`);
}

describe("the command line of every service", () => {
	for (const name of ALL) {
		test(`${name}: help and version`, () => {
			const help = run(name, ["--help"]);
			assert.equal(help.status, 0);
			assert.match(help.text, /--log-level=.*\[info\]|log-level/);
			assert.match(run(name, ["--version"]).text, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+`));
		});

		test(`${name}: a flag that isn't one, a value that isn't one, an instance that can't be`, () => {
			refuses(name, ["--nonsense"], NEEDED, /unrecognized option.*nonsense/);
			refuses(name, ["--admin-port=many"], NEEDED, /--admin-port: not a whole number/);
			refuses(name, ["--config=/nowhere/x.conf"], NEEDED, /\/nowhere\/x\.conf.*No such file/);
		});
	}

	test("what has to be given is named, and how to give it", () => {
		refuses("chain-indexer", [], {}, /no contracts: give --contracts or set KALYPSO_CHAIN_INDEXER_CONTRACTS/);
		const keyless = [`--contracts=${join(folder, "c.json")}`];
		refuses("task-publisher", keyless, {}, /no engine_key: set KALYPSO_TASK_PUBLISHER_ENGINE_KEY_FILE/);
		refuses("slasher-watcher", keyless, {}, /no slasher_key: set KALYPSO_SLASHER_WATCHER_SLASHER_KEY_FILE/);
		refuses("listener", [...keyless, "--prover=http://127.0.0.1:1"], {}, /no generator_key: set KALYPSO_LISTENER_GENERATOR_KEY_FILE/);
	});

	for (const name of ALL)
		test(`${name}: each file with a secret that others may read, or that can't be read, is refused`, () => {
			const { text } = run(name, ["--help"]);
			const secrets = [...text.slice(text.indexOf("Secrets:")).matchAll(/KALYPSO_\w+_FILE/g)].map(([variable]) => variable);
			assert.ok(secrets.length >= 1, text);
			const file = join(folder, `${name}.secret`);
			writeFileSync(file, "");
			const cases = [
				[0o644, KEY, /others may read or write it \(mode 0644\): chmod 600 \/.*\.secret/],
				[0o620, KEY, /others may read or write it \(mode 0620\): chmod 600/],
				[0o600, "\n", /can't read .*\.secret: it is empty/],
			];
			for (const variable of secrets) {
				const says = (what) => new RegExp(`^${name}: environment variable ${variable}: .*${what.source}`);
				for (const [mode, content, what] of cases) {
					writeFileSync(file, content);
					chmodSync(file, mode);
					refuses(name, [], { ...NEEDED, [variable]: file }, says(what));
				}
				refuses(name, [], { ...NEEDED, [variable]: "/nowhere/secret" }, says(/can't read \/nowhere\/secret: No such file/));
				refuses(name, [], { ...NEEDED, [variable]: folder }, says(/Is a directory/));
			}
		});

	for (const name of ALL)
		test(`${name}: a slip in a file of options is named with its line, and what is meant`, () => {
			const file = join(folder, `${name}.conf`);
			writeFileSync(file, "# of ours\nlog_level = info\nadmin_prot = 1\n");
			refuses(name, [`--config=${file}`], NEEDED, /admin_prot in file .*\.conf, line 3: no such option; is admin_port meant\?/);
			writeFileSync(file, "redis-password = x\n");
			if (name !== "listener") refuses(name, [`--config=${file}`], NEEDED, /line 1: no such option; is redis_password meant\?/);
			writeFileSync(file, "colour = red\n");
			refuses(name, [`--config=${file}`], NEEDED, /colour in file .*, line 1: no such option$/m);
			const variable = `KALYPSO_${name.toUpperCase().replaceAll("-", "_")}_LOG_`;
			refuses(name, [], { ...NEEDED, [`${variable}LEVLE`]: "debug" }, new RegExp(`${variable}LEVLE: no such option; is ${variable}LEVEL meant`));
		});

	test("webhooks that anybody may register, where strangers come", () => {
		const hooks = ["--webhooks", "--webhook-open", `--state-dir=${join(folder, "state")}`];
		refuses("webhook-gateway", [...hooks, "--listen-host=8.8.8.8"], { KALYPSO_WEBHOOK_KEY: KEY }, /config\.webhooks.*--webhook-open.*strangers reach.*KALYPSO_WEBHOOK_TOKEN_FILE/);
	});

	test("a state folder belongs to one process", async () => {
		refuses("matcher", ["--state-dir=/proc/nowhere", "--redis=redis://127.0.0.1:1"], {}, /state\.folder.*--state-dir/);
	});
});

describe("a market that isn't as it should be", () => {
	let world;
	before(async () => {
		world = await World.start({ services: [] });
	});
	after(() => world?.stop());

	// A service of the market with other options; not started.
	const service = (name, args, env) => world.market.add(world.market.makeService(name, { args, env }));
	const contracts = (changes) => {
		const file = join(folder, `contracts-${Math.random()}.json`);
		writeFileSync(file, JSON.stringify({ ...world.chain.addresses, ...changes }));
		return `--contracts=${file}`;
	};
	const told = (s, ...events) => until(`${events} in ${s.log}`, () => events.map((e) => s.event(e)).find(Boolean));
	const stays = async (s, event) => {
		const line = await told(s, event);
		assert.equal(s.running, true);
		assert.equal(await s.isReady(), false);
		return line;
	};
	const ends = async (s, ...events) => {
		s.start();
		await s.ended;
		assert.equal(s.exit.code, 2, `${s.name}: ${s.tail()}`);
		return told(s, ...events);
	};

	test("Redis isn't there: everybody waits, says so once, and goes on when it comes", async () => {
		await world.service("redis").kill();
		const all = SERVICES.map((name) => service(name).start());
		for (const s of all) assert.match((await stays(s, "service.waiting")).for, /redis/);
		world.service("redis").start();
		await Promise.all(all.map((s) => s.ready(() => s.isReady())));
		const id = await world.request();
		await world.until("TaskCreated", id);
		await Promise.all(all.map((s) => s.stop()));
		assert.deepEqual([...new Set(all.map((s) => s.exit.code))], [0]);
	});

	test("the node isn't there, or is none: whoever needs it waits", async () => {
		const web = createServer((_, response) => response.writeHead(200).end("<html>hello</html>"));
		const port = await new Promise((resolve) => web.listen(0, "127.0.0.1", () => resolve(web.address().port)));
		for (const rpc of [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${port}`]) {
			const indexer = service("chain-indexer", [`--rpc=${rpc}`]).start();
			assert.match((await stays(indexer, "node.waiting")).node, /127\.0\.0\.1/);
			await indexer.stop();
			assert.equal(indexer.exit.code, 0);
		}
		web.closeAllConnections();
		web.close();
	});

	test("another chain, or no contracts there: nobody starts who would send to it or read it", async () => {
		const indexer = service("chain-indexer").start();
		await indexer.ready(() => indexer.isReady());
		for (const name of ASK_THE_NODE) {
			if (name === "chain-indexer") await indexer.stop();
			// Some learn it from the logs before the node has answered.
			const chain = await ends(service(name, [contracts({ chainId: 5 })]), "node.chain_id", "chain.other");
			if (chain.event === "node.chain_id") assert.deepEqual([chain.is, chain.want], ["31337", "5"]);
			await ends(service(name, [contracts({ EntityKeyRegistry: account(9).address })]), "node.contracts");
		}
	});

	test("contracts that can't be read, or lack one", async () => {
		const broken = join(folder, "broken.json");
		writeFileSync(broken, "{");
		const wanted = [
			["--contracts=/nowhere/contracts.json", /nowhere\/contracts\.json/],
			[`--contracts=${broken}`, /broken\.json/],
			[contracts({ ProofMarketplace: "0x12" }), /ProofMarketplace/],
		];
		for (const [option, pattern] of wanted) {
			const s = service("chain-indexer", [option]).start();
			await s.ended;
			assert.equal(s.exit.code, 2);
			assert.match(s.tail(), pattern);
		}
	});

	test("a chain that began anew is not taken for the one in the logs", async () => {
		const indexer = service("chain-indexer").start();
		await indexer.ready(() => indexer.isReady());
		await indexer.stop();
		const { anvil, chain } = await anotherChain("other");
		try {
			const empty = service("chain-indexer", [`--rpc=${chain.url}`, `--ws=${chain.ws}`]);
			await ends(empty, "node.contracts");
			// The same addresses, deployed anew.
			for (const name of ["ProofMarketplace", "GeneratorRegistry", "EntityKeyRegistry"])
				await chain.client.setCode({ address: world.chain.addresses[name], bytecode: "0x00" });
			const line = await ends(service("chain-indexer", [`--rpc=${chain.url}`, `--ws=${chain.ws}`]), "chain.other");
			assert.match(line.text, /--name/);
		} finally {
			await anvil.stop();
		}
	});
});

describe("a chain that begins anew under running services", () => {
	test("its node isn't asked any more, and the logs stay as they were", async () => {
		const anvilPort = await freePort();
		const world = await World.start({ services: ["chain-indexer", "orderbook"], anvilPort });
		try {
			const indexer = world.service("chain-indexer");
			await world.client.mine({ blocks: 300 }); // more than can be undone
			const head = Number(await world.head());
			await until("the indexer to follow", async () => (await indexer.metric("block_indexed_total")) >= head - 2);
			await world.service("anvil").kill();
			await until("the indexer to miss its node", () => indexer.event("node.failing"));
			const entries = () => redisSays(world.market.redisPort, "xlen", "kalypso:{local}:log:chain");
			const had = entries();
			const { anvil, chain } = await anotherChain("fresh", { port: anvilPort });
			try {
				await chain.client.mine({ blocks: 500 });
				await until("the node to be known as another chain's", () => indexer.event("node.excluded"));
				await until("the indexer to be unready", async () => !(await indexer.isReady()));
				assert.equal(entries(), had);
			} finally {
				await anvil.stop();
			}
		} finally {
			await world.stop();
		}
	});
});
