// The disk of the senders' journals: full, failing, torn, altered, older than it should be.
import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readSync, renameSync, rmSync, statSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { sleep, until } from "../scene.mjs";
import { mounts, traces } from "../tools.mjs";

const SENDERS = ["task-publisher", "slasher-watcher"];
const CALLS = ["fdatasync", "pwrite64"]; // what SQLite commits with
const ROOM_MIB = 8;

const folderOf = (scene, name) => join(scene.market.folder, "state", `${name}.a`);
const copy = (from, to) => spawnSync("cp", ["-a", from, to]);

// A sender dies, meddle(folder) happens to its state folder, and it starts again.
async function meddled(scene, name, meddle) {
	const again = scene.unmanaged(name);
	await scene.service(name).kill();
	const folder = folderOf(scene, name);
	await meddle(folder);
	const since = performance.now();
	await again();
	return scene.recovered(since);
}

// A journal that can't be read is an operator's case: docs/operator.md says to delete the folder.
async function meddledForGood(scene, name, meddle) {
	scene.expect("STORAGE", "CONFLICT", "MALFORMED");
	const again = scene.unmanaged(name);
	const service = scene.service(name);
	await service.kill();
	const folder = folderOf(scene, name);
	meddle(folder);
	service.start();
	const since = performance.now();
	await until(`${name} to be ready, or to end`, async () => !service.running || (await service.isReady()));
	if (!service.running) rmSync(folder, { recursive: true });
	await again();
	return scene.recovered(since);
}

export default [
	{
		name: "torn",
		what: "the tail of a sender's journal is missing after its death",
		rounds: 2,
		byDefault: true,
		run: (scene, dice) =>
			meddled(scene, dice.pick(SENDERS), (folder) => {
				const file = join(folder, "journal.db-wal");
				const { size } = statSync(file);
				truncateSync(file, Math.max(0, size - dice.between(1, Math.max(1, size))));
			}),
	},
	{
		name: "old",
		what: "a copy of the state folder from before is put back",
		rounds: 2,
		async run(scene, dice) {
			const name = dice.pick(SENDERS);
			const old = `${folderOf(scene, name)}.old`;
			rmSync(old, { recursive: true, force: true });
			copy(folderOf(scene, name), old);
			await scene.blocks(dice.between(2, 5));
			return meddled(scene, name, (folder) => {
				rmSync(folder, { recursive: true });
				renameSync(old, folder);
			});
		},
	},
	{
		name: "gone",
		what: "the state folder is empty",
		rounds: 2,
		run: (scene, dice) => meddled(scene, dice.pick(SENDERS), (folder) => rmSync(folder, { recursive: true })),
	},
	{
		name: "flipped",
		what: "bits of the journal are flipped; if it can't be used any more, the folder is deleted as docs/operator.md says",
		rounds: 3,
		run: (scene, dice) =>
			meddledForGood(scene, dice.pick(SENDERS), (folder) => {
				const names = ["journal.db", "journal.db-wal"].map((f) => join(folder, f)).filter((f) => existsSync(f) && statSync(f).size > 0);
				const path = dice.pick(names);
				const { size } = statSync(path);
				const file = openSync(path, "r+");
				for (let n = dice.between(1, 20); n > 0; n--) {
					const at = dice.below(size);
					const byte = Buffer.alloc(1);
					readSync(file, byte, 0, 1, at);
					byte[0] ^= 1 << dice.below(8);
					writeSync(file, byte, 0, 1, at);
				}
				closeSync(file);
			}),
	},
	{
		name: "eio",
		what: "a write or an fsync of a sender fails: it ends, and starts again from what is on disk",
		rounds: 3,
		unless: traces,
		async run(scene, dice) {
			scene.expect("STORAGE");
			const name = dice.pick(SENDERS);
			const service = scene.service(name);
			const { pid } = service;
			const call = dice.pick(CALLS);
			const strace = spawn("strace", ["-f", "-qq", "-o", "/dev/null", "-p", pid, `-etrace=${call}`, `-einject=${call}:error=EIO:when=${dice.between(1, 5)}`].map(String), { stdio: "ignore" });
			try {
				await until(`${name} to end at a failing ${call}`, () => service.pid !== pid || !service.running, { timeoutMs: 30_000 });
			} finally {
				strace.kill();
			}
			await until(`${name} to be started again`, () => service.running && service.pid !== pid);
			return scene.recovered(service.startedMs);
		},
	},
	{
		name: "full",
		what: "a sender's disk is full: it stops sending rather than to send what isn't written; then there is room again",
		rounds: 1,
		unless: mounts,
		async run(scene, dice) {
			const name = dice.pick(SENDERS);
			const service = scene.service(name);
			const folder = folderOf(scene, name);
			const aside = `${folder}.aside`;
			const again = scene.unmanaged(name);
			await service.kill();
			copy(folder, aside);
			const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${ROOM_MIB}m`, "tmpfs", folder]);
			if (mounted.status !== 0) throw new Error(String(mounted.stderr));
			try {
				copy(`${aside}/.`, folder);
				service.start();
				await service.ready(() => service.isReady());
				spawnSync("dd", ["if=/dev/zero", `of=${join(folder, "other")}`, "bs=4k"]);
				await until(`${name} to have no room`, () => service.event("state.unwritable"));
				await sleep(1000);
				rmSync(join(folder, "other"));
				await service.ready(() => service.isReady());
				await service.kill();
				rmSync(aside, { recursive: true });
				copy(folder, aside);
			} finally {
				await service.kill();
				spawnSync("umount", [folder]);
				rmSync(folder, { recursive: true, force: true });
				renameSync(aside, folder);
			}
			const since = performance.now();
			await again();
			return scene.recovered(since);
		},
	},
];
