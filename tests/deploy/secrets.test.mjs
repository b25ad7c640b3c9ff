// deploy/k8s/secrets.sh with what `kalypso keys` and `kalypso redis users` make: mounted as a pod has it, the services of
// overlays/testnet work with it, over a Redis with the component's own settings; and nobody gets on with another's.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parseAllDocuments } from "yaml";
import { ROLES, ROOT, account } from "../../deploy/local/chain.mjs";
import { LocalMarket } from "../../deploy/local/market.mjs";
import { Process, Service, freePort, until } from "../../deploy/local/processes.mjs";
import { BINARIES, SERVICES, World } from "../e2e/world.mjs";
import { K8S, Objects, render, renderer } from "./k8s/render.mjs";

const NAME = "testnet";
const FOREVER = 2n ** 64n - 1n;
const command = renderer();
const skip = command ? false : "no kubectl of version 1.21 or newer to render deploy/k8s with";

const kalypso = (words, env = {}) =>
	execFileSync(join(BINARIES, "kalypso"), words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });

// What docs/kubernetes.md#secrets says to do.
function makeSecrets(folder) {
	const file = (name, text) => writeFileSync(join(folder, name), text, { mode: 0o600 });
	const random = (bytes) => execFileSync("openssl", ["rand", "-hex", String(bytes)], { encoding: "utf8" });
	kalypso(["keys", "make", join(folder, "bus")]);
	kalypso(["redis", "users", join(folder, "redis"), `--name=${NAME}`]);
	mkdirSync(join(folder, "keys"));
	file("keys/password", random(16));
	const { account: engine } = JSON.parse(kalypso(["account", "new", join(folder, "keys/engine"), `--password-file=${join(folder, "keys/password")}`, "--json"]));
	for (const role of ["relayer", "slasher"]) file(`keys/${role}`, account(ROLES[role]).key);
	file("keys/webhook", random(32));
	file("keys/webhook-token", random(16));
	return engine;
}

// Its output as pods see it: a file for each entry, root's and the group's, below a folder for each Secret and ConfigMap.
function mount(folder, at) {
	const objects = parseAllDocuments(execFileSync(join(K8S, "secrets.sh"), [folder], { encoding: "utf8" })).map((d) => d.toJS());
	for (const { kind, metadata, data } of objects)
		for (const [name, value] of Object.entries(data)) {
			const file = join(at, kind, metadata.name, name);
			mkdirSync(dirname(file), { recursive: true });
			writeFileSync(file, kind === "Secret" ? Buffer.from(value, "base64") : value, { mode: kind === "Secret" ? 0o440 : 0o444 });
		}
}

describe("secrets.sh with real keys", { skip }, () => {
	let folder, world, engine;
	const made = (...path) => join(folder, "made", ...path);
	const secret = (...path) => join(folder, "mounted/Secret", ...path);
	const text = (path) => readFileSync(path, "utf8").trim();
	const redis = (port, user, password, ...words) =>
		execFileSync("redis-cli", ["--no-auth-warning", "-p", port, ...(user ? ["--user", user, "--pass", password] : []), ...words].map(String), { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();

	// A market whose services have a pod's environment. Names become addresses, and ports free ones; nothing else differs.
	class Cluster extends LocalMarket {
		async begin() {
			this.objects = new Objects(render(command, join(K8S, "overlays/testnet")));
			const writers = SERVICES.filter((s) => s !== "webhook-gateway");
			const at = await Promise.all(writers.map(async (s) => `${s}=tcp://127.0.0.1:${await freePort()}`));
			this.bus = at.join(",");
			return super.begin();
		}

		config(name) {
			return this.objects.of("ConfigMap").find(({ metadata }) => metadata.name.startsWith(`${name}-`)).data;
		}

		async startRedis() {
			this.redisPort = await freePort();
			await this.startServer("redis", this.redisPort, secret("redis/users.acl"));
			kalypso(["redis", "load", `--redis=redis://${NAME}-kalypso@127.0.0.1:${this.redisPort}`, `--name=${NAME}`], {
				KALYPSO_REDIS_PASSWORD_FILE: made("redis/kalypso.password"),
			});
		}

		async startServer(name, port, acl) {
			const at = join(this.folder, name);
			mkdirSync(at, { recursive: true });
			const conf = this.config("redis")["redis.conf"].replace("/run/secrets/redis/users.acl", acl).replace("dir /data", `dir ${at}`);
			writeFileSync(join(at, "redis.conf"), conf);
			const command = ["redis-server", join(at, "redis.conf"), `--port ${port}`, "--bind 127.0.0.1"];
			const server = new Process(name, command, { log: join(this.folder, `logs/${name}.log`) });
			await this.add(server).start().ready(() => /^NOAUTH/.test(redis(port, undefined, undefined, "ping")));
		}

		async deploy() {
			await super.deploy();
			await this.chain.send(this.deployer, "EntityKeyRegistry", "setEngineKey", [engine, "0x", 0n, FOREVER]);
		}

		makeService(name, { env: more = {} } = {}) {
			const { spec } = this.objects.services().find(({ labels }) => labels["app.kubernetes.io/name"] === name);
			const config = join(this.folder, `config-${name}`);
			mkdirSync(config, { recursive: true });
			writeFileSync(join(config, "service.conf"), this.config(name)["service.conf"]);
			const settings = this.config("market");
			const place = (value) =>
				value
					.replaceAll("$(NAME)", settings.KALYPSO_NAME)
					.replaceAll("$(SERVICE)", name)
					.replaceAll("$(POD_IP)", "127.0.0.1")
					.replace("@redis:6379", `@127.0.0.1:${this.redisPort}`)
					.replace("/run/secrets/kalypso", secret(name))
					.replace(/^\/etc\/kalypso-bus$/, join(folder, "mounted/ConfigMap/bus-allow"))
					.replace(/^\/etc\/kalypso\//, `${config}/`);
			const given = spec.containers[0].env.filter(({ value }) => value).map((e) => [e.name, place(e.value)]);
			const env = {
				...settings,
				...Object.fromEntries(given),
				KALYPSO_RPC: this.rpc,
				KALYPSO_WS: this.ws,
				KALYPSO_CONTRACTS: this.contractsFile,
				KALYPSO_STATE_DIR: join(this.folder, "state"),
				KALYPSO_ADMIN_PORT: "0",
				KALYPSO_BUS: this.bus,
				KALYPSO_INSTANCES: "0",
				...more,
			};
			delete env.KALYPSO_BUS_BIND; // the list has each one's own
			if (name === "webhook-gateway") Object.assign(env, { KALYPSO_LISTEN_PORT: String(this.gatewayPort), KALYPSO_WEB_DIR: join(ROOT, "services/webhook-gateway/web") });
			for (const n of ["ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"]) if (process.env[n]) env[n] = process.env[n];
			return new Service(name, join(this.binaries, name), { folder: this.folder, instance: "0", env });
		}
	}

	before(async () => {
		folder = mkdtempSync(join(tmpdir(), "kalypso-secrets-"));
		mkdirSync(made());
		engine = makeSecrets(made());
		mount(made(), join(folder, "mounted"));
		world = await World.start({ Market: Cluster, circuits: ["range-preimage"] });
	});
	after(async () => {
		await world?.stop();
		rmSync(folder, { recursive: true, force: true });
	});

	test("every service is ready, and a request has its task, signed with the keystore's key", async () => {
		await world.until("TaskCreated", await world.request());
	});

	test("they are who they should be: on the bus with keys, in Redis as users, at the gateway with the token", async () => {
		const { redisPort } = world.market;
		assert.match(redis(redisPort, undefined, undefined, "get", "x"), /NOAUTH/);
		for (const name of SERVICES) {
			const password = text(secret(name, "redis-password"));
			assert.equal(redis(redisPort, `${NAME}-${name}`, password, "function", "list").includes("kalypso"), true, name);
			assert.match(redis(redisPort, `${NAME}-${name}`, password, "flushall"), /NOPERM/, name);
			assert.equal(await world.service(name).metric("bus_refused_total"), 0, name);
		}
		const register = (token) =>
			fetch(`${world.market.gateway}/v1/webhooks`, {
				method: "POST",
				headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
				body: JSON.stringify({ url: "https://hook.example/", events: ["task.*"] }),
			});
		assert.equal((await register()).status, 401);
		assert.equal((await register(text(secret("webhook-gateway/webhook-token")))).status, 201);
	});

	test("no secret is in an environment, on a command line or in a log", () => {
		const secrets = ["redis/matcher.password", "redis/kalypso.password", "keys/password", "keys/relayer", "keys/webhook", "keys/webhook-token"].map((f) => text(made(f)));
		secrets.push(/secret-key = "(.{40})"/.exec(text(made("bus/matcher.key")))[1]);
		for (const name of SERVICES) {
			const service = world.service(name);
			const seen = ["environ", "cmdline"].map((f) => readFileSync(`/proc/${service.pid}/${f}`, "utf8")).join() + readFileSync(service.log, "utf8");
			assert.match(seen, /KALYPSO_REDIS_PASSWORD_FILE=/);
			for (const s of secrets) assert.ok(!seen.includes(s.replace(/^0x/, "")), name);
		}
	});

	test("with another's password, or another's key, a service doesn't begin", async () => {
		const refused = async (env, pattern) => {
			const thief = world.market.makeService("matcher", { env: { ...env, KALYPSO_STATE_DIR: join(world.folder, "state-of-thief") } });
			thief.log = join(world.folder, "logs/thief.log");
			await thief.start().ended;
			assert.equal(thief.exit.code, 2, thief.tail());
			assert.match(thief.tail(), pattern);
		};
		await refused({ KALYPSO_REDIS_PASSWORD_FILE: secret("orderbook/redis-password") }, /store.refused.*user.*testnet-matcher/);
		await refused({ KALYPSO_BUS_KEY_FILE: secret("orderbook/bus-key") }, /bus.keys.*its public key is another service's/);
	});

	test("with Sentinel's passwords besides, Redis takes those users, too", async () => {
		const more = join(folder, "more");
		cpSync(made(), more, { recursive: true });
		for (const name of ["replica", "sentinel"]) execFileSync("sh", ["-c", `openssl rand -hex 16 >"$1"`, "sh", join(more, `redis/${name}-password`)]);
		mount(more, join(folder, "with-sentinel"));
		const port = await freePort();
		const users = join(folder, "with-sentinel/Secret/redis");
		await world.market.startServer("redis-with-sentinel", port, join(users, "users.acl"));
		assert.equal(redis(port, "probe", "x", "ping"), "PONG");
		assert.equal(redis(port, "replica", text(join(users, "replica-password")), "replconf", "listening-port", 1), "OK");
		assert.match(redis(port, "sentinel", text(join(users, "sentinel-password")), "info", "replication"), /role:master/);
		assert.match(redis(port, `${NAME}-matcher`, text(secret("matcher/redis-password")), "get", "x"), /NOPERM/);
	});
});
