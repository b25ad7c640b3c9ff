// Redis dies, hangs, forgets, fills its disk, and is set up wrongly.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { redisSays } from "../../../deploy/local/market.mjs";
import { ENGINE, sleep, until } from "../scene.mjs";
import { mounts } from "../tools.mjs";

// Of 5 minutes what fits a run; CHAOS_GONE_MS=300000 for all of it.
const GONE_MS = [2500, Number(process.env.CHAOS_GONE_MS ?? 8000)];
const says = (scene, ...words) => redisSays(scene.redisPort, ...words);

async function start(scene) {
	const redis = scene.service("redis");
	redis.start();
	await until("Redis to answer", () => says(scene, "ping") === "PONG", { everyMs: 5 });
	return performance.now();
}

// Redis stops for a while; while it is down, meddle(folder) may happen to its files.
async function away(scene, ms, meddle = () => {}) {
	scene.expect("FENCED", "UNREACHABLE", "EPOCH", "CONFLICT");
	await scene.service("redis").kill();
	await sleep(ms);
	await meddle(join(scene.market.folder, "redis"));
	return scene.recovered(await start(scene), { timeoutMs: 90_000 });
}

const appendFile = (folder) => {
	const files = readdirSync(join(folder, "appendonlydir")).filter((f) => f.endsWith(".incr.aof")).sort();
	return join(folder, "appendonlydir", files.at(-1));
};

export default [
	{
		name: "kill",
		what: "kill -9 and an immediate start",
		rounds: 3,
		byDefault: true,
		async run(scene, dice) {
			await sleep(dice.between(0, 1000));
			return away(scene, 0);
		},
	},
	{ name: "gone", what: "away for seconds, longer than every lease", rounds: 2, run: (scene, dice) => away(scene, dice.between(...GONE_MS)) },
	{
		name: "paused",
		what: "CLIENT PAUSE: connections stand, nothing is answered",
		rounds: 2,
		async run(scene, dice) {
			scene.expect("FENCED", "UNREACHABLE");
			const ms = dice.between(1000, 6000);
			says(scene, "client", "pause", ms, "all");
			await sleep(ms);
			return scene.recovered(performance.now());
		},
	},
	{
		name: "tail",
		what: "the end of its file is cut off at a random byte, as by a disk that lied",
		rounds: 2,
		scene: {},
		async run(scene, dice) {
			return away(scene, 100, (folder) => {
				const file = appendFile(folder);
				const { size } = statSync(file);
				truncateSync(file, size - dice.between(1, Math.min(size - 100, 20_000)));
			});
		},
	},
	{
		name: "emptied",
		what: "everything in it is gone",
		rounds: 2,
		run: (scene) => away(scene, 100, (folder) => {
			rmSync(folder, { recursive: true });
			mkdirSync(folder);
		}),
	},
	{
		name: "flushed",
		what: "FLUSHALL under running services",
		rounds: 2,
		async run(scene) {
			scene.expect("FENCED", "EPOCH", "CONFLICT");
			says(scene, "flushall");
			return scene.recovered(performance.now(), { timeoutMs: 90_000 });
		},
	},
	{
		name: "behind",
		what: "a replica that lacks the last writes is promoted: an older copy of its files comes back",
		rounds: 1,
		async run(scene, dice) {
			const folder = join(scene.market.folder, "redis");
			const old = `${folder}.old`;
			rmSync(old, { recursive: true, force: true });
			spawnSync("cp", ["-a", folder, old]);
			await scene.blocks(dice.between(2, 6));
			return away(scene, 100, () => {
				rmSync(folder, { recursive: true });
				spawnSync("cp", ["-a", old, folder]);
			});
		},
	},
	{
		name: "settings",
		what: "settings that lose data: services that start refuse, and go on when it is mended",
		rounds: 1,
		async run(scene, dice) {
			scene.expect("CONFIG");
			const [name, wrong, right] = dice.pick([
				["appendfsync", "everysec", "always"],
				["appendonly", "no", "yes"],
				["maxmemory-policy", "allkeys-lru", "noeviction"],
			]);
			const service = scene.service(dice.pick(ENGINE));
			const again = scene.unmanaged(service.name);
			await service.kill();
			says(scene, "config", "set", name, wrong);
			service.start();
			await service.ended;
			const line = service.event("store.setting");
			if (service.exit.code !== 2 || line?.setting !== name) throw new Error(`${service.name} took ${name}=${wrong}: ${service.tail(3)}`);
			says(scene, "config", "set", name, right);
			// Turning the append-only file on again begins with a rewrite.
			await until("the file to be rewritten", () => /aof_rewrite_in_progress:0/.test(says(scene, "info", "persistence")));
			const since = performance.now();
			await again();
			return scene.recovered(since);
		},
	},
	{
		name: "disk-full",
		what: "its disk is full: it ends rather than acknowledge; then there is room again",
		rounds: 1,
		alone: true,
		unless: mounts,
		async run(scene) {
			scene.expect("FENCED", "UNREACHABLE", "EPOCH", "CONFLICT");
			const redis = scene.service("redis");
			const folder = join(scene.market.folder, "redis");
			const aside = `${folder}.aside`;
			const again = scene.unmanaged();
			await redis.kill();
			spawnSync("mv", [folder, aside]);
			mkdirSync(folder);
			const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", folder]);
			if (mounted.status !== 0) throw new Error(String(mounted.stderr));
			try {
				spawnSync("cp", ["-a", join(aside, "appendonlydir"), folder]);
				await start(scene);
				await scene.recovered(0);
				// Somebody else fills the disk.
				spawnSync("dd", ["if=/dev/zero", `of=${join(folder, "other")}`, "bs=64k"]);
				await until("Redis to end or refuse", () => !redis.running || /loading|aof_last_write_status:err/.test(says(scene, "info", "persistence")), { timeoutMs: 20_000 });
				await sleep(1000);
				rmSync(join(folder, "other"));
				if (redis.running) await redis.kill();
				const ms = await scene.recovered(await start(scene));
				await redis.kill();
				rmSync(aside, { recursive: true, force: true });
				spawnSync("cp", ["-a", `${folder}/.`, aside]);
				return ms;
			} finally {
				if (redis.running) await redis.kill();
				spawnSync("umount", [folder]);
				if (existsSync(join(aside, "appendonlydir"))) {
					rmSync(folder, { recursive: true, force: true });
					spawnSync("mv", [aside, folder]);
				}
				await start(scene);
				await again();
			}
		},
	},
];
