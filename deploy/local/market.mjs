// A local market: chain, contracts, Redis, the services, a prover and generators, on free ports.
//
//	const market = await LocalMarket.start({ folder, say });
//	market.chain, market.service("matcher"), market.generators, market.markets …
//	await market.stop();
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { maxUint256, parseUnits } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { Chain, ROLES, ROOT, account, deployContracts, openMarket, startAnvil } from "./chain.mjs";
import { Process, Service, freePort } from "./processes.mjs";

export const SERVICES = [
	"chain-indexer",
	"orderbook",
	"matcher",
	"task-publisher",
	"slasher-watcher",
	"webhook-gateway",
];
const REORG_SAFE_BLOCKS = 70; // a re-organisation in a test must not reach the deployment
const FOREVER = 2n ** 64n - 1n;

// What the generators of the demo quote: [circuit, price in tokens, seconds, compute per request].
export const GENERATORS = [
	{ name: "thrifty", compute: 4n, quotes: [["range-preimage", "1.00", 60, 1n], ["rollup-batch", "1.50", 60, 1n]] },
	{ name: "swift", compute: 3n, quotes: [["range-preimage", "2.50", 25, 1n], ["rollup-batch", "3.00", 25, 1n]] },
	{ name: "steady", compute: 2n, quotes: [["range-preimage", "1.60", 40, 1n], ["rollup-batch", "2.00", 40, 1n]] },
	// Registered, staked and quoting like the others, but nobody is at home.
	{ name: "silent", compute: 2n, stake: "5", silent: true, quotes: [["range-preimage", "0.50", 12, 2n]] },
];

const DEFAULTS = {
	folder: join(ROOT, "build/local"),
	binaries: join(ROOT, "build/release/bin"),
	blockTime: 1,
	circuits: ["range-preimage", "rollup-batch"],
	generators: GENERATORS,
	penalty: "5",
	stake: "100",
	services: SERVICES,
	serviceArgs: {}, // more arguments, by service: {matcher: ["--depth=64"]}
	listeners: true,
	matchLifetime: 30,
	args: [], // further options of every service
	anvilPort: undefined,
	anvilArgs: [],
	redisSettings: {}, // further ones, by name
	busCut: false, // nobody hears anybody: each service has a bus of its own
	attached: false, // somebody else runs it: attach()
	proxy: undefined, // async (chain) => {rpc, ws}: what the services talk to instead of the node
	say: () => {},
};

export class LocalMarket {
	constructor(options) {
		Object.assign(this, DEFAULTS, options);
		this.processes = new Map();
		this.webhookKey = randomBytes(32).toString("hex");
	}

	static async start(options = {}) {
		const market = new this(options);
		try {
			await market.begin();
		} catch (error) {
			await market.stop();
			throw error;
		}
		return market;
	}

	async begin() {
		this.prepareFolder();
		this.say("chain and Redis");
		await Promise.all([this.startChain(), this.startRedis()]);
		await this.populate();
		this.say("services");
		await this.startServices();
		if (this.listeners) {
			this.say("prover and listeners");
			await this.startGeneratorsSide();
		}
		this.writeMarketFile();
		this.writeTargetsFile();
	}

	// A chain that mines on demand becomes a market: contracts, circuits, generators, somebody with money; then its clock
	// starts.
	async populate() {
		this.say("contracts and markets");
		await this.deploy();
		this.say("generators");
		await this.registerGenerators();
		await this.fundRequester();
		await this.chain.client.mine({ blocks: REORG_SAFE_BLOCKS });
		await this.chain.startClock(this.blockTime);
	}

	// A market that somebody else runs, by the file that writeMarketFile() made. There is nothing to stop.
	static async attach(file) {
		const { rpc, ws, gateway, chainId, startBlock, contracts, markets, accounts } = JSON.parse(readFileSync(file, "utf8"));
		const market = new this({ folder: dirname(file), attached: true });
		market.chain = new Chain(rpc, ws).attach({ chainId, startBlock, ...contracts });
		market.gateway = gateway;
		market.markets = markets.map((m) => ({ ...m, id: BigInt(m.id) }));
		const person = ({ key, ...more }) => ({ ...more, account: privateKeyToAccount(key) });
		market.requester = person(accounts.requester).account;
		market.people = accounts.generators.map(person);
		return market;
	}

	prepareFolder() {
		for (const program of this.services)
			if (!existsSync(join(this.binaries, program)))
				throw new Error(`${join(this.binaries, program)} is missing: run make build`);
		rmSync(this.folder, { recursive: true, force: true });
		for (const name of ["logs", "redis", "state"]) mkdirSync(join(this.folder, name), { recursive: true });
		// Sockets have short names: a path of theirs has at most 107 bytes.
		this.run = mkdtempSync(join(tmpdir(), "kalypso-"));
	}

	add(process) {
		this.processes.set(process.name, process);
		return process;
	}

	service(name) {
		return this.processes.get(name);
	}

	// ---- chain, Redis, contracts

	async startChain() {
		const { anvil, chain } = await startAnvil(this.folder, {
			blockTime: this.blockTime,
			port: this.anvilPort,
			args: this.anvilArgs,
		});
		this.anvil = this.add(anvil);
		this.chain = chain;
		const through = this.proxy ? await this.proxy(chain) : {};
		this.rpc = through.rpc ?? chain.url;
		this.ws = through.ws ?? chain.ws;
	}

	async startRedis() {
		this.redisPort = await freePort();
		this.redis = `redis://127.0.0.1:${this.redisPort}`;
		const settings = {
			port: this.redisPort,
			bind: "127.0.0.1",
			dir: join(this.folder, "redis"),
			appendonly: "yes",
			appendfsync: "always",
			save: "",
			"maxmemory-policy": "noeviction",
			daemonize: "no",
			...this.redisSettings,
		};
		const command = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
		const redis = new Process("redis", ["redis-server", ...command], { log: join(this.folder, "logs/redis.log") });
		await this.add(redis).start().ready(() => /^(PONG|NOAUTH)/.test(redisSays(this.redisPort, "ping")), { everyMs: 50 });
	}

	async deploy() {
		this.contractsFile = join(this.folder, "contracts.json");
		await deployContracts(this.chain, this.contractsFile, this.binaries);
		this.deployer = account(ROLES.deployer);
		this.engine = account(ROLES.engine);
		await this.chain.send(this.deployer, "EntityKeyRegistry", "setEngineKey", [
			this.engine.address,
			"0x",
			0n,
			FOREVER,
		]);
		this.markets = [];
		for (const circuit of this.circuits)
			this.markets.push(await openMarket(this.chain, this.deployer, circuit, { penalty: await this.stakeUnits(this.penalty) }));
	}

	async units(name, text) {
		return parseUnits(text, await this.chain.read(name, "decimals"));
	}

	stakeUnits(text) {
		return this.units("StakeToken", text);
	}

	paymentUnits(text) {
		return this.units("PaymentToken", text);
	}

	marketOf(circuit) {
		return this.markets.find(({ name }) => name === circuit);
	}

	// ---- people

	async registerGenerators() {
		this.people = [];
		const jobs = this.generators.map((plan, i) => this.registerGenerator(plan, account(ROLES.generators + i)));
		this.people = await Promise.all(jobs);
	}

	async registerGenerator(plan, who) {
		const { chain } = this;
		const stake = await this.stakeUnits(plan.stake ?? this.stake);
		const registry = chain.addresses.GeneratorRegistry;
		await chain.send(who, "StakeToken", "mint", [who.address, stake]);
		await chain.send(who, "StakeToken", "approve", [registry, stake]);
		await chain.send(who, "GeneratorRegistry", "register", [who.address, plan.compute, "0x"]);
		await chain.send(who, "GeneratorRegistry", "stake", [who.address, stake]);
		for (const [circuit, price, seconds, compute] of plan.quotes) {
			const market = this.marketOf(circuit);
			if (!market) continue;
			const terms = [market.id, await this.paymentUnits(price), seconds, compute];
			await chain.send(who, "GeneratorRegistry", "joinMarket", terms);
		}
		return { ...plan, account: who, address: who.address, stake };
	}

	async fundRequester() {
		this.requester = account(ROLES.requester);
		const plenty = await this.paymentUnits("1000000");
		await this.chain.send(this.requester, "PaymentToken", "mint", [this.requester.address, plenty]);
		await this.chain.send(this.requester, "PaymentToken", "approve", [
			this.chain.addresses.ProofMarketplace,
			maxUint256,
		]);
	}

	// ---- services

	makeService(name, { instance = "a", args = [], env = {} } = {}) {
		const shared = [
			`--name=local`,
			`--redis=${this.redis}`,
			`--bus=ipc://${this.run}/${this.busCut ? `${name}-` : ""}%`,
			`--state-dir=${join(this.folder, "state")}`,
			...this.args,
		];
		const chain = [`--contracts=${this.contractsFile}`, `--rpc=${this.rpc}`];
		const own = {
			"chain-indexer": { args: [...chain, `--ws=${this.ws}`] },
			matcher: { args: [`--match-lifetime=${this.matchLifetime}`] },
			"task-publisher": {
				args: chain,
				env: { KALYPSO_ENGINE_KEY: this.engine.key, KALYPSO_RELAYER_KEY: account(ROLES.relayer).key },
			},
			"slasher-watcher": { args: chain, env: { KALYPSO_SLASHER_KEY: account(ROLES.slasher).key } },
			"webhook-gateway": {
				args: [
					`--listen-port=${this.gatewayPort}`,
					`--web-dir=${join(ROOT, "services/webhook-gateway/web")}`,
					"--webhooks",
					"--webhook-open",
					"--webhook-allow=127.0.0.0/8,::1/128",
				],
				env: { KALYPSO_WEBHOOK_KEY: this.webhookKey },
			},
		}[name];
		return new Service(name, join(this.binaries, name), {
			folder: this.folder,
			instance,
			args: [...shared, ...(own?.args ?? []), ...args],
			env: { ...own?.env, ...env, ...sanitizers() },
		});
	}

	async startServices() {
		this.gatewayPort = await freePort(); // the same after a restart
		for (const name of this.services) this.add(this.makeService(name, { args: this.serviceArgs[name] })).start();
		await Promise.all(this.services.map((name) => this.serviceReady(name)));
	}

	async serviceReady(name) {
		const service = this.service(name);
		await service.ready(() => service.isReady());
		const listening = service.event("gateway.listening");
		if (listening) this.gateway = `http://${listening.host}:${listening.port}`;
		this.writeTargetsFile();
		return service;
	}

	// Start a service again after it was stopped or killed.
	async restart(name) {
		this.service(name).start();
		return this.serviceReady(name);
	}

	// ---- the generators' side

	async startGeneratorsSide() {
		await this.startProver();
		const active = this.people.filter((person) => !person.silent);
		// Under SCHED_IDLE, as the prover: a generator's machine is another one, here it must not slow the market's.
		const listeners = active.map(({ name, account: { key } }) => this.makeListener(name, { key, idle: true }));
		await Promise.all(listeners.map((l) => this.add(l).start().ready(() => l.isReady())));
	}

	async startProver({ idle = true } = {}) {
		const file = join(this.folder, "prover.port");
		const folders = this.circuits.map((name) => `--market-dir=${join(ROOT, "build/circuits", name)}`);
		const gateway = join(ROOT, "deploy/local/prover/prover-gateway.mjs");
		const command = [process.execPath, gateway, ...folders, "--port=0", `--port-file=${file}`, ...(idle ? ["--idle"] : [])];
		rmSync(file, { force: true });
		const prover = new Process("prover", command, { log: join(this.folder, "logs/prover.log") });
		await this.add(prover).start().ready(() => existsSync(file), { timeoutMs: 60_000 });
		this.prover = `http://127.0.0.1:${readFileSync(file, "utf8").trim()}`;
	}

	// A generator's listener; options replace the usual ones.
	makeListener(name, { key, options = {}, idle = false }) {
		const all = {
			contracts: this.contractsFile,
			rpc: this.chain.url,
			ws: this.chain.ws,
			"state-dir": join(this.folder, "state"),
			prover: this.proversAt(this.prover),
			...options,
		};
		const listener = new Service("listener", join(this.binaries, "listener"), {
			folder: this.folder,
			instance: name,
			idle,
			args: Object.entries(all).map(([option, value]) => `--${option}=${value}`),
			env: { KALYPSO_GENERATOR_KEY: key, ...sanitizers() },
		});
		listener.name = `listener-${name}`;
		listener.log = join(this.folder, "logs", `${listener.name}.log`);
		return listener;
	}

	// The --prover of a listener: every market at this gateway.
	proversAt(url) {
		return this.markets.map(({ id, name }) => `${id}=${url}/${name}`).join(",");
	}

	// ---- the file for others

	writeMarketFile() {
		const { chainId, startBlock, ...addresses } = this.chain.addresses;
		const market = {
			rpc: this.chain.url,
			ws: this.chain.ws,
			chainId,
			startBlock,
			gateway: this.gateway,
			redis: this.redis,
			contracts: addresses,
			markets: this.markets.map(({ id, name, verifier }) => ({ id: Number(id), name, verifier })),
			accounts: {
				requester: { address: this.requester.address, key: this.requester.key },
				generators: this.people.map(({ name, account: a }) => ({ name, address: a.address, key: a.key })),
				governor: { address: this.deployer.address, key: this.deployer.key },
			},
		};
		this.file = join(this.folder, "market.json");
		writeFileSync(this.file, `${JSON.stringify(market, null, "\t")}\n`, { mode: 0o600 });
	}

	// Where Prometheus finds the services, as its file_sd_configs read it: see deploy/monitoring/prometheus.local.yml. A
	// service that starts again has another port.
	writeTargetsFile() {
		const targets = [...this.processes.values()]
			.filter((p) => p instanceof Service && p.admin)
			.map((p) => ({
				targets: [new URL(p.admin).host],
				labels: { market: "local", service: p.name.replace(/^listener-.*/, "listener"), instance: p.name },
			}));
		writeFileSync(join(this.folder, "targets.json"), `${JSON.stringify(targets, null, "\t")}\n`);
	}

	// ---- the end

	// Everything, in the order that lets each finish what it has begun.
	async stop() {
		const order = [...this.processes.values()].reverse();
		const last = ["redis", "anvil"].map((name) => this.service(name)).filter(Boolean);
		await Promise.all(order.filter((p) => !last.includes(p)).map((p) => p.stop()));
		await Promise.all(last.map((p) => p.stop()));
		if (this.run) rmSync(this.run, { recursive: true, force: true });
		if (this.file) rmSync(this.file, { force: true });
		rmSync(join(this.folder, "targets.json"), { force: true });
	}
}

export function redisSays(port, ...command) {
	return execFileSync("redis-cli", ["-h", "127.0.0.1", "-p", String(port), ...command.map(String)], {
		encoding: "utf8",
		stdio: ["ignore", "pipe", "ignore"],
	}).trim();
}

// Builds under sanitizers take their options along.
function sanitizers() {
	const names = ["ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"];
	return Object.fromEntries(names.filter((n) => process.env[n]).map((n) => [n, process.env[n]]));
}
