// Keeps what set-up made: folders named by the hash of what went in, each there whole or not.
import { createHash } from "node:crypto";
import {
	existsSync,
	linkSync,
	mkdirSync,
	readFileSync,
	readdirSync,
	readlinkSync,
	renameSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const LONGEST_WAIT_MS = 600_000;

export function hashOf(parts) {
	const hash = createHash("sha256");
	for (const part of parts) {
		hash.update(`${Buffer.byteLength(part)}:`).update(part);
	}
	return hash.digest("hex").slice(0, 16);
}

export function openCache(out) {
	const dir = join(out, ".cache");
	mkdirSync(dir, { recursive: true });
	return { out, dir };
}

function alive(pid) {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return error.code === "EPERM";
	}
}

function removeMatching(cache, pattern, unwanted) {
	for (const entry of readdirSync(cache.dir)) {
		const match = pattern.exec(entry);
		if (match && unwanted(match)) {
			rmSync(join(cache.dir, entry), { recursive: true, force: true });
		}
	}
}

// What a killed set-up left lies in folders that carry its process number.
function emptyWorkFolder(cache, name) {
	removeMatching(cache, /^work-(\d+)-/, ([, pid]) => !alive(Number(pid)));
	const work = join(cache.dir, `work-${process.pid}-${name}`);
	rmSync(work, { recursive: true, force: true });
	mkdirSync(work);
	return work;
}

// make(dir) fills an empty folder, which gets its name only when it is complete.
export async function remember(cache, name, hash, make) {
	const entry = join(cache.dir, `${name}-${hash}`);
	if (existsSync(entry)) {
		return { entry, made: false };
	}
	const work = emptyWorkFolder(cache, name);
	await make(work);
	renameSync(work, entry);
	removeMatching(cache, new RegExp(`^${name}-([0-9a-f]{16})$`), ([, other]) => other !== hash);
	return { entry, made: true };
}

// out/name leads to that entry; replacing a symbolic link is one step.
export function publish(cache, name, hash) {
	const link = join(cache.out, name);
	const target = join(".cache", `${name}-${hash}`);
	if (existsSync(link) && readlinkSync(link) === target) {
		return;
	}
	const next = join(cache.dir, `link-${process.pid}`);
	rmSync(next, { force: true });
	symlinkSync(target, next);
	renameSync(next, link);
}

// The lock appears with its owner's number in it, so nobody reads half of it.
function tryLock(file) {
	const own = `${file}-${process.pid}`;
	writeFileSync(own, String(process.pid));
	try {
		linkSync(own, file);
		return true;
	} catch (error) {
		if (error.code !== "EEXIST") {
			throw error;
		}
		return false;
	} finally {
		rmSync(own);
	}
}

function ownerOf(file) {
	try {
		return Number(readFileSync(file, "utf8"));
	} catch (error) {
		if (error.code !== "ENOENT") {
			throw error;
		}
		return null;
	}
}

// Runs action alone: a second set-up waits for the first and then finds its work done. A lock
// whose owner is gone is taken over. Should two ever take it over at once they only do the same
// work twice: each fills a folder of its own.
export async function withLock(cache, onWait, action) {
	const file = join(cache.dir, "lock");
	const giveUp = Date.now() + LONGEST_WAIT_MS;
	let told = false;
	while (!tryLock(file)) {
		const owner = ownerOf(file);
		if (owner !== null && (!alive(owner) || Date.now() > giveUp)) {
			rmSync(file, { force: true });
		} else if (owner !== null) {
			told ||= (onWait(owner), true);
			await sleep(200);
		}
	}
	try {
		return await action();
	} finally {
		rmSync(file, { force: true });
	}
}
