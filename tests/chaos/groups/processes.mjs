// Processes that die, freeze, stop, and come twice.
import { spawn } from "node:child_process";
import { redisSays } from "../../../deploy/local/market.mjs";
import { ENGINE, SERVICES, sleep, until } from "../scene.mjs";
import { traces } from "../tools.mjs";

// Every lease is gone (2 s) by then; CHAOS_FREEZE_MS=60000 for longer ones.
const FREEZE_MS = [2500, Number(process.env.CHAOS_FREEZE_MS ?? 6000)];
const OPEN = Number(process.env.CHAOS_OPEN ?? 10_000);
const STEPS = ["fsync", "fdatasync", "sendto", "write", "pwrite64"];

// Somewhere in the work of a block.
const moment = (dice) => sleep(dice.between(0, 1000));

async function killed(scene, dice, names) {
	await moment(dice);
	return scene.recovered(await scene.kill(...names));
}

// A second copy of each ordered service, waiting for the lease.
async function addCopies(scene) {
	for (const name of ENGINE) {
		const copy = scene.market.makeService(name, { instance: "b", args: ["--instances=a,b"] });
		copy.name = `${name}-b`;
		copy.log = copy.log.replace(/\.log$/, "-b.log");
		scene.market.add(copy).start();
		scene.copies.set(name, copy);
	}
	const slashed = async () => (await scene.chain.events("ProofMarketplace", "TaskSlashed")).length > 20;
	await until("slashes in every block", slashed, { everyMs: 500 });
	await Promise.all([...scene.copies.values()].map((copy) => until(`${copy.name} to wait`, () => copy.event("service.waiting")?.err === "HELD")));
}

export default [
	{
		name: "kill",
		what: "kill -9 of one service, at a random moment",
		rounds: 5,
		byDefault: true,
		scene: { proofs: true },
		run: (scene, dice) => killed(scene, dice, [dice.pick(SERVICES)]),
	},
	{
		name: "kill-some",
		what: "kill -9 of two or three at once",
		rounds: 5,
		run: (scene, dice) => killed(scene, dice, dice.some(SERVICES, dice.between(2, 3))),
	},
	{
		name: "kill-all",
		what: "kill -9 of all at once",
		rounds: 3,
		run: (scene, dice) => killed(scene, dice, SERVICES),
	},
	{
		name: "kill-crowded",
		what: `kill -9 of one service with ${OPEN} open requests`,
		rounds: 12,
		alone: true,
		withinMs: 2000,
		async begin({ load }) {
			load.stop(); // two who send from one account would take each other's nonces
			await load.idle();
			await load.placePatient(OPEN);
			load.start(4);
		},
		run: (scene, dice, { round }) => killed(scene, dice, [SERVICES[(round - 1) % SERVICES.length]]),
	},
	{
		name: "kill-step",
		what: "kill -9 at the N-th write to disk or network of a service: N = 1, 2, 3 … with the round",
		rounds: 6,
		unless: traces,
		async run(scene, dice, { round }) {
			const name = SERVICES[(round - 1) % SERVICES.length];
			const when = 1 + Math.floor((round - 1) / SERVICES.length);
			const service = scene.service(name);
			await moment(dice);
			const { pid } = service;
			const inject = STEPS.map((call) => `-einject=${call}:signal=KILL:when=${when}`);
			const strace = spawn("strace", ["-f", "-qq", "-o", "/dev/null", "-p", pid, `-etrace=${STEPS}`, ...inject].map(String), { stdio: "ignore" });
			try {
				await until(`${name} to die at step ${when}`, () => service.pid !== pid || !service.running, { everyMs: 5 });
			} finally {
				strace.kill();
			}
			await until(`${name} to be started again`, () => service.running && service.pid !== pid, { everyMs: 2 });
			return scene.recovered(service.startedMs);
		},
	},
	{
		name: "freeze",
		what: "SIGSTOP of one service past its lease, then SIGCONT",
		rounds: 2,
		async run(scene, dice) {
			await moment(dice);
			const service = scene.service(dice.pick(ENGINE));
			service.signal("SIGSTOP");
			await sleep(dice.between(...FREEZE_MS));
			service.signal("SIGCONT");
			return scene.recovered(performance.now());
		},
	},
	{
		name: "rolling",
		what: "SIGTERM and start of one service after the other, under load",
		rounds: 1,
		async run(scene, dice) {
			const begun = performance.now();
			for (const name of dice.some(SERVICES, SERVICES.length)) {
				const again = scene.unmanaged(name);
				await scene.service(name).stop(10_000);
				const { code } = scene.service(name).exit;
				if (code !== 0) throw new Error(`${name} ended with status ${code} on SIGTERM`);
				await again();
				await scene.service(name).ready(() => scene.service(name).isReady());
			}
			return (await scene.recovered(begun)) / SERVICES.length;
		},
	},
	{
		name: "two-leaders",
		what: "the lease is taken away from a living leader by force, and given to another copy",
		rounds: 1,
		async run(scene, dice) {
			const name = dice.pick(ENGINE);
			scene.expect("FENCED");
			const copy = scene.market.makeService(name, { instance: "b", args: ["--instances=a,b"] });
			copy.name = `${name}-b`;
			copy.log = copy.log.replace(/\.log$/, "-b.log");
			const again = scene.unmanaged(name);
			copy.start();
			await until(`${copy.name} to wait`, () => copy.event("service.waiting")?.err === "HELD");
			// Its renewals fail from now on; both believe that they lead until they append.
			const token = `b:${"0".repeat(15)}1`;
			redisSays(scene.redisPort, "set", `kalypso:{local}:lease:${name}`, token, "px", 300);
			await until(`${copy.name} to lead`, () => copy.event("service.ready"), { timeoutMs: 20_000 });
			await scene.service(name).ended;
			await scene.blocks(3);
			await copy.stop(10_000);
			const since = performance.now();
			await again();
			return scene.recovered(since);
		},
	},
	...["kill", "freeze"].map((how) => ({
		name: `failover-${how}`,
		what: `two copies of each ordered service; the leader ${how === "kill" ? "is killed" : "freezes"}; the gap in what goes out`,
		rounds: ENGINE.length,
		alone: true,
		withinMs: how === "kill" ? 3000 : 6000,
		scene: { instances: "a,b" },
		begin: addCopies,
		async run(scene, dice, { round, note }) {
			scene.expect("FENCED", "HELD");
			const name = ENGINE[(round - 1) % ENGINE.length];
			await moment(dice);
			const [a, b] = [scene.service(name), scene.copies.get(name)];
			const leader = redisSays(scene.redisPort, "get", `kalypso:{local}:lease:${name}`).startsWith("a:") ? a : b;
			const gap = watchGap(scene);
			const again = leader === a ? scene.unmanaged(name) : async () => {};
			leader.signal(how === "kill" ? "SIGKILL" : "SIGSTOP");
			await gap.grows();
			const ms = gap.end();
			note(name, ms);
			// The late one finds out that it is late, and comes back as a standby.
			if (how === "freeze") leader.signal("SIGCONT");
			await leader.ended;
			leader.start();
			await again();
			await until(`${leader.name} to wait`, () => leader.event("service.waiting")?.err === "HELD", { timeoutMs: 20_000 });
			await scene.recovered(0);
			return ms;
		},
		async end(scene) {
			await Promise.all([...scene.copies.values()].map((copy) => copy.stop(10_000)));
			scene.copies.clear();
		},
	})),
];

// The longest time in which no log of the engine grew while blocks came: from now until all have grown twice after the fault.
function watchGap(scene) {
	const logs = ["chain", "book", "match", "task", "slash"]; // each grows at every block under load
	const length = (log) => Number(redisSays(scene.redisPort, "xlen", `kalypso:{local}:log:${log}`));
	const last = new Map(logs.map((log) => [log, { n: length(log), at: performance.now(), longest: 0, grown: 0 }]));
	const look = () => {
		for (const log of logs) {
			const entry = last.get(log);
			const [n, now] = [length(log), performance.now()];
			entry.longest = Math.max(entry.longest, now - entry.at);
			if (n > entry.n) {
				entry.grown++;
				entry.at = now;
				entry.n = n;
			}
		}
	};
	const timer = setInterval(look, 20);
	return {
		grows: () => until("every log to grow again", () => [...last.values()].every(({ grown }) => grown >= 4), { timeoutMs: 30_000 }),
		end() {
			clearInterval(timer);
			return Math.max(...[...last.values()].map(({ longest }) => longest));
		},
	};
}
