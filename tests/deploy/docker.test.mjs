// Images and the market of docker-compose.yml, as somebody has them who types what docs/containers.md says.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { stringify } from "yaml";
import { Chain, ROOT } from "../../deploy/local/chain.mjs";
import { until } from "../../deploy/local/processes.mjs";
import { ComposeMarket, LASTING, LISTENERS, ONCE, SERVICES } from "./docker/compose.mjs";
import { Engine } from "./docker/engine.mjs";
import { componentsOf } from "./docker/sbom.mjs";
import { MONITORING, hurriedConfig, hurriedRouting, hurriedRules } from "./monitoring/hurry.mjs";

const MIB = 2 ** 20;
const USER = "10001:10001";
const QUOTED_MS = 60_000; // what the generator of our requests takes at most, by its quote

const engine = await Engine.start();
const reason = typeof engine === "string" ? engine : undefined;

describe("containers", { skip: reason }, () => {
	let market;
	before(async () => {
		await engine.build();
		market = await ComposeMarket.create(engine);
	});
	after(async () => {
		if (reason) return;
		market?.remove();
		await engine.stop();
		if (!engine.kept) assert.ok(!existsSync(engine.folder), "the engine's folder is gone");
		assert.deepEqual(engine.mounts(), []);
	});

	// ---- images

	const run = (...args) =>
		engine.docker("run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", ...args);

	test("the runtime image is small, has an ordinary user, and says what it is", async () => {
		const [{ Size, Config }] = await engine.inspect("kalypso:local");
		assert.ok(Size <= 120 * MIB, `${Size / MIB} MiB`);
		assert.equal(Config.User, USER);
		const labels = Object.keys(Config.Labels).filter((name) => name.startsWith("org.opencontainers.image."));
		for (const name of ["title", "description", "licenses", "version", "revision"])
			assert.ok(labels.includes(`org.opencontainers.image.${name}`), name);
	});

	test("every program runs in it, without a shell, capabilities or anything to write to", async () => {
		for (const name of [...SERVICES, "listener", "kalypso"])
			assert.match(await run("kalypso:local", name, "--version"), new RegExp(`^${name} \\d`));
		assert.match(await run("kalypso:local"), /usage|Usage/);
		await assert.rejects(run("--entrypoint=sh", "kalypso:local", "-c", "true"), /executable file not found/);
	});

	test("it holds programs, libraries, the page and certificates, and a package's name and licence for each library", async () => {
		const files = await unpack("kalypso:local");
		const programs = [...files.keys()].filter((f) => /^usr\/bin\/[^/]+$/.test(f)).map((f) => f.slice(8));
		assert.deepEqual(programs.sort(), [...SERVICES, "listener", "kalypso"].sort());
		for (const [name, mode] of files) assert.ok(!/[sS]/.test(mode), `${name} is ${mode}`);
		for (const name of ["usr/share/kalypso/web/index.html", "etc/ssl/certs/ca-certificates.crt"]) assert.ok(files.has(name), name);
		const packages = (await cat("kalypso:local", "/usr/share/kalypso/sbom/debian.tsv")).trim().split("\n").map((l) => l.split("\t"));
		assert.ok(packages.length > 30);
		for (const [name, version, architecture] of packages) {
			assert.match(version, /\d/);
			assert.ok(["amd64", "arm64", "all"].includes(architecture));
			assert.ok(files.has(`var/lib/dpkg/status.d/${name}`), name);
			assert.ok(files.has(`usr/share/doc/${name}/copyright`), name);
		}
		const names = packages.map(([name]) => name);
		for (const name of ["libc6", "libzmq5", "libhiredis0.14", "libssl3", "ca-certificates"]) assert.ok(names.includes(name), name);
		const listed = await componentsOf(await cat("kalypso:local", "/usr/share/kalypso/sbom/kalypso.cdx.json"));
		assert.deepEqual([...listed.values()].map((c) => `${c.name} ${c.version}`).sort(), packages.map(([name, version]) => `${name} ${version}`).sort());
	});

	test("so does the development image, of npm's packages too", async () => {
		const listed = await componentsOf(await cat("kalypso-development:local", "/usr/share/kalypso/sbom/kalypso-development.cdx.json"));
		const installed = await run("kalypso-development:local", "dpkg-query", "--show", "--showformat=${Package} ${Version}\n");
		const has = (kind) => [...listed.values()].filter(({ purl }) => purl.startsWith(`pkg:${kind}/`)).map((c) => `${c.name} ${c.version}`);
		assert.deepEqual(has("deb").sort(), installed.split("\n").sort());
		for (const folder of ["deploy/local", "protocol/contracts"]) {
			const { packages } = JSON.parse(await run("kalypso-development:local", "cat", `${folder}/node_modules/.package-lock.json`));
			for (const [path, { version }] of Object.entries(packages)) assert.ok(has("npm").includes(`${path.split("node_modules/").at(-1)} ${version}`), path);
		}
	});

	test("compare.sh tells images from each other, but not by their times", async () => {
		const at = join(market.folder, "compare");
		mkdirSync(at);
		const image = async (name, text, ...how) => {
			writeFileSync(join(at, "file"), text);
			execFileSync("tar", ["-c", "--numeric-owner", "--owner=0", "--group=0", "--mode=644", "--mtime=@1", ...how, "-f", `${at}.tar`, "-C", at, "file"]);
			await engine.docker("import", "--change", "USER 7", `${at}.tar`, name);
		};
		const compare = (other) => engine.run(join(ROOT, "deploy/docker/compare.sh"), ["kalypso-compare:one", other]);
		await image("kalypso-compare:one", "text");
		await image("kalypso-compare:later", "text", "--mtime=@1000000000");
		assert.equal(await compare("kalypso-compare:later"), "compare: settings: the same\ncompare: layer 1, 1 files: the same");
		for (const [text, ...how] of [["else"], ["text", "--mode=4755"], ["text", "--owner=1"]]) {
			await image("kalypso-compare:other", text, ...how);
			await assert.rejects(compare("kalypso-compare:other"), (error) => error.status === 1 && /layer 1, 1 files: they differ\n< .*file\n> .*file/.test(error.text));
		}
		await image("kalypso-compare:other", "text", "--transform=s/file/name/");
		await assert.rejects(compare("kalypso-compare:other"), /they differ/);
		await engine.docker("import", "--change", "USER 8", `${at}.tar`, "kalypso-compare:other");
		await assert.rejects(compare("kalypso-compare:other"), /settings: they differ\n< "7"/);
		await assert.rejects(compare("kalypso:local"), (error) => error.status === 1); // which has a layer more
	});

	// Path to mode, of every file in the image.
	async function unpack(image) {
		const id = await engine.docker("create", image);
		try {
			const list = execFileSync("sh", ["-c", `docker export ${id} | tar -tv`], { env: engine.env, encoding: "utf8", maxBuffer: 1 << 26 });
			return new Map(list.trim().split("\n").map((line) => line.split(/\s+/)).map((w) => [w[5].replace(/\/$/, ""), w[0]]));
		} finally {
			await engine.docker("rm", id);
		}
	}

	async function cat(image, path) {
		const id = await engine.docker("create", image);
		try {
			return execFileSync("sh", ["-c", `docker cp ${id}:${path} - | tar -xO`], { env: engine.env, encoding: "utf8", maxBuffer: 1 << 26 });
		} finally {
			await engine.docker("rm", id);
		}
	}

	// ---- the market

	test("docker-compose up ends in a market with a page, also after one that was cut short", async () => {
		await market.up("chain");
		const outside = new Chain(`http://127.0.0.1:${market.chainPort}`);
		await market.up("deployer");
		await until("half a market", async () => (await outside.client.getBlockNumber({ cacheTime: 0 })) > 5n, { everyMs: 2 });
		await engine.docker("kill", market.container("deployer"));
		assert.deepEqual((await market.inspect("deployer")).map(({ State }) => State.ExitCode), [137]);
		await market.up();
		assert.match(await engine.docker("logs", market.container("deployer")), /half a market/);
		await market.healthy(...LASTING);
		assert.equal((await market.get("/")).status, 200);
		assert.equal((await market.get("/v1/markets")).status, 200);
		assert.match(await market.compose("run", "--rm", "-T", "kalypso", "market", "list"), /range-preimage[\s\S]*rollup-batch/);
		await market.attach();
	});

	test("nothing listens beyond this machine", async () => {
		const published = (await market.inspect(...LASTING)).flatMap(({ NetworkSettings }) => Object.values(NetworkSettings.Ports ?? {}).flat().filter(Boolean));
		assert.ok(published.length >= 2);
		for (const { HostIp, HostPort } of published) assert.equal(HostIp, "127.0.0.1", HostPort);
		const listening = execFileSync("ss", ["-ltnH"], { encoding: "utf8" }).split("\n").map((line) => line.split(/\s+/)[3] ?? "");
		for (const { HostPort } of published)
			assert.deepEqual(listening.filter((at) => at.endsWith(`:${HostPort}`)), [`127.0.0.1:${HostPort}`]);
	});

	test("every container has an ordinary user, no capabilities, limits, and a root that can't be written", async () => {
		for (const c of await market.inspect(...LASTING, ...ONCE)) {
			const { HostConfig, Config, State, Name } = c;
			assert.equal(Config.User, USER, Name);
			assert.equal(HostConfig.ReadonlyRootfs, true, Name);
			assert.deepEqual(HostConfig.CapDrop, ["ALL"], Name);
			assert.deepEqual(HostConfig.SecurityOpt, ["no-new-privileges:true"], Name);
			assert.equal(HostConfig.Privileged, false, Name);
			assert.ok(HostConfig.Memory > 0 && HostConfig.PidsLimit > 0, `${Name} has limits`);
			if (State.Running) looksConfined(State.Pid, Name);
		}
	});

	// What the kernel says of its first process.
	function looksConfined(pid, name) {
		const status = Object.fromEntries(readFileSync(`/proc/${pid}/status`, "utf8").split("\n").map((line) => line.split(/:\s+/)));
		assert.equal(status.Uid.split("\t")[0], "10001", name);
		assert.equal(BigInt(`0x${status.CapEff}`), 0n, name);
		assert.equal(BigInt(`0x${status.CapBnd}`), 0n, name);
		assert.equal(status.NoNewPrivs, "1", name);
		const root = readFileSync(`/proc/${pid}/mounts`, "utf8").split("\n").map((line) => line.split(" ")).find(([, at]) => at === "/");
		assert.ok(root[3].split(",").includes("ro"), `${name}: ${root}`);
	}

	test("Redis knows a user for each service, nobody else, and each has its own password alone", async () => {
		const redis = (...words) => engine.docker("exec", market.container("redis"), "redis-cli", "-s", "/run/kalypso/redis.sock", "--no-auth-warning", ...words);
		assert.match(await redis("get", "x"), /^NOAUTH/);
		assert.match(await redis("--user", "local-probe", "--pass", "none", "echo", "x"), /^NOPERM/);
		const passwords = [];
		for (const name of [...SERVICES, "kalypso"]) {
			const at = `${market.container("redis-users")}:/secrets/${name}/redis-password`;
			passwords.push(execFileSync("sh", ["-c", `docker cp ${at} - | tar -xO`], { env: engine.env, encoding: "utf8" }));
			assert.match(await redis("--user", `local-${name}`, "--pass", passwords.at(-1), "get", "kalypso:{local}:epoch"), /^\w+$/, name);
		}
		assert.equal(new Set(passwords).size, passwords.length);
		for (const { Name, Mounts, Config } of await market.inspect(...LASTING, "redis-functions")) {
			const service = Config.Labels["com.docker.compose.service"];
			const secrets = Mounts.filter((m) => m.Name?.includes("_secret-"));
			const own = SERVICES.includes(service) || service === "redis" ? [service] : service === "redis-functions" ? ["kalypso"] : [];
			assert.deepEqual(secrets.map((m) => m.Name), own.map((s) => `${market.project}_secret-${s}`), Name);
			for (const m of secrets) assert.equal(m.RW, false, Name);
			for (const p of passwords) assert.ok(!JSON.stringify(Config).includes(p), Name);
		}
		// Who looks after the market has a user, too.
		assert.match(await market.compose("run", "--rm", "-T", "kalypso", "quarantine", "list"), /^nothing is in quarantine$/m);
		const refused = (await redis("--user", "local-kalypso", "--pass", passwords.at(-1), "acl", "log")).split("\n");
		const objects = refused.flatMap((line, i) => (line === "object" ? [refused[i + 1]] : []));
		assert.deepEqual(objects.filter((o) => !["config|get", "echo"].includes(o)), [], "no service was refused what it needs");
	});

	test("the demo's requests settle, asked from outside", async () => {
		const demo = join(ROOT, "deploy/local/demo/demo.mjs");
		const args = [demo, `--market=${await market.marketFile()}`, `--out=${market.folder}`, "--requests=8"];
		const said = await engine.run(process.execPath, args, { timeoutMs: 240_000 });
		assert.match(said, / 0 failed/);
		const { totals } = JSON.parse(readFileSync(join(market.folder, "summary.json"), "utf8"));
		assert.equal(totals.fulfilled + totals.slashed, 6);
		assert.equal(totals.cancelled + totals.expired, 2);
	});

	test("and from a container: docker-compose --profile demo up", async () => {
		market.env.REQUESTS = "3";
		await settles();
	});

	// The demo in its container comes to a good end.
	async function settles() {
		await market.compose("--profile", "demo", "up", "--detach", "--no-build", "--no-deps", "demo");
		const status = await engine.docker("wait", market.container("demo"));
		const said = await engine.docker("logs", market.container("demo"));
		assert.equal(status, "0", said);
		assert.match(said, / 0 failed/);
	}

	test("docker-compose --profile monitoring up: Prometheus reaches every service, and who is killed is told of", async () => {
		const names = ["prometheus", "alertmanager", "alerts"];
		market.env.KALYPSO_MONITORING = hurriedMonitoring();
		await market.compose("--profile", "monitoring", "up", "--detach", "--no-build", "--no-deps", ...names);
		await market.healthy(...names);
		const ready = async () => {
			const answer = await fetch(`http://127.0.0.1:${market.prometheusPort}/api/v1/query?query=service_ready`);
			return (await answer.json()).data.result.filter(({ value }) => value[1] === "1").map(({ metric }) => metric.instance.split(":")[0]);
		};
		const all = [...SERVICES, ...LISTENERS].sort();
		await until("a scrape of each", async () => (await ready()).sort().join() === all.join());
		const told = (pattern) => until(String(pattern), async () => pattern.test(await engine.docker("logs", market.container("alerts"))));
		await market.compose("kill", "orderbook");
		await told(/^alerts: FIRING KalypsoServiceDown orderbook since .*: no copy of orderbook answers \(docs\/monitoring.md#kalypsoservicedown\)$/m);
		await market.compose("start", "orderbook");
		await told(/^alerts: RESOLVED KalypsoServiceDown orderbook /m);
		await market.compose("--profile", "monitoring", "stop", ...names);
		await market.healthy(...LASTING);
	});

	// A folder of one's own in place of deploy/monitoring, in which every wait is short.
	function hurriedMonitoring() {
		const folder = join(market.folder, "monitoring");
		cpSync(MONITORING, folder, { recursive: true });
		const write = (name, content) => writeFileSync(join(folder, name), stringify(content));
		write("prometheus.compose.yml", hurriedConfig("prometheus.compose.yml"));
		write("alertmanager.yml", hurriedRouting());
		for (const [name, rules] of hurriedRules()) write(`rules/${name}`, rules);
		return folder;
	}

	// ---- what is killed

	test("kill any service while requests are open: every one of them ends, and once", async () => {
		await market.fund();
		const placed = [];
		for (const victim of [...SERVICES, "redis", "listener-thrifty", "prover-thrifty"]) {
			placed.push(await place());
			await market.compose("kill", victim);
			await market.compose("start", victim);
		}
		await endOnce(placed);
	});

	test("kill the chain: what is older than its last second stays, and the market goes on", async () => {
		const { client } = market.market.chain;
		const id = await market.request();
		const end = await market.ended(id);
		const genesis = async () => (await client.getBlock({ blockNumber: 0n })).hash;
		const ours = await genesis();
		const [{ Id, State }] = await market.inspect("chain");
		const settled = await client.getBlockNumber({ cacheTime: 0 });
		await until("some blocks", async () => (await client.getBlockNumber({ cacheTime: 0 })) > settled + 8n);
		for (const _ of Array(3)) {
			await market.compose("kill", "chain");
			await market.compose("start", "chain");
			await market.healthy("chain");
			assert.equal(await genesis(), ours);
		}
		const [again] = await market.inspect("chain");
		assert.ok(again.Id === Id && again.State.StartedAt !== State.StartedAt);
		assert.equal(await market.state(id), end);
		await market.ended(await market.request());
		await market.healthy(...LASTING);
	});

	test("kill all of them at once", async () => {
		const placed = [await place(), await place()];
		const all = [...SERVICES, "redis", ...LISTENERS];
		await market.compose("kill", ...all);
		await market.compose("start", ...all);
		await endOnce(placed);
	});

	test("docker-compose --profile chaos up, and the demo settles all the same", async () => {
		Object.assign(market.env, { CHAOS_EVERY: "2", DOCKER_SOCKET: engine.env.DOCKER_HOST.replace("unix://", ""), REQUESTS: "6" });
		await market.compose("--profile", "chaos", "up", "--detach", "--no-build", "--no-deps", "chaos");
		await settles();
		const killed = (await engine.docker("logs", market.container("chaos"))).match(/killed/g) ?? [];
		assert.ok(killed.length >= 2, `${killed.length} were killed`);
		await market.compose("--profile", "chaos", "stop", "chaos");
		await market.healthy(...LASTING);
	});

	const place = async () => ({ at: Date.now(), id: await market.request() });

	// By the chain: one task and one end for each, and that is a proof, unless it took us longer than the generator has to
	// get everything going again.
	async function endOnce(placed) {
		await market.healthy(...LASTING);
		const well = Date.now();
		for (const { id: requestId, at } of placed) {
			const state = await market.ended(requestId);
			const count = async (name) => (await market.market.chain.events("ProofMarketplace", name, { args: { requestId } })).length;
			const [tasks, ends] = [await count("TaskCreated"), (await count("ProofSubmitted")) + (await count("TaskSlashed"))];
			assert.deepEqual([tasks, ends], [1, 1], `request ${requestId}`);
			if (well - at < QUOTED_MS) assert.equal(state, "fulfilled", `request ${requestId}`);
		}
	}

	test("docker-compose down and up: the chain, the logs and the journals go on", async () => {
		const first = await market.request();
		await market.ended(first);
		const [head, known] = [await market.market.chain.client.getBlockNumber({ cacheTime: 0 }), await market.get(`/v1/requests/${first}`)];
		assert.equal(known.status, 200);
		await market.compose("down");
		await market.up();
		await market.healthy(...LASTING);
		assert.match(await engine.docker("logs", market.container("deployer")), /the market is there/);
		assert.ok((await market.market.chain.client.getBlockNumber({ cacheTime: 0 })) >= head);
		await until("the request in the page", async () => (await market.get(`/v1/requests/${first}`)).status === 200);
		const second = await market.request();
		assert.equal(second, first + 1n);
		await market.ended(second);
	});

	test("docker-compose down -v leaves nothing", async () => {
		const network = await engine.docker("network", "inspect", "--format={{.Id}}", `${market.project}_default`);
		const bridge = `/sys/class/net/br-${network.slice(0, 12)}`;
		assert.ok(existsSync(bridge));
		await market.compose("--profile", "demo", "--profile", "chaos", "--profile", "monitoring", "--profile", "cli", "down", "--volumes");
		const filter = `--filter=label=com.docker.compose.project=${market.project}`;
		for (const kind of [["ps", "--all"], ["volume", "ls"], ["network", "ls"]])
			assert.equal(await engine.docker(...kind, "--quiet", filter), "", kind.join(" "));
		assert.ok(!existsSync(bridge), bridge);
		const listening = execFileSync("ss", ["-ltnH"], { encoding: "utf8" });
		for (const port of [market.pagePort, market.chainPort]) assert.ok(!listening.includes(`:${port} `), `${port} is closed`);
	});
});
