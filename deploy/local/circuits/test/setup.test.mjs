// Set-up leaves whole markets or none, does its work once, and can be killed at any moment.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
	cpSync,
	existsSync,
	lstatSync,
	mkdtempSync,
	readFileSync,
	readdirSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { marketDir } from "../../prover/test/helpers.mjs";
import { hashOf, openCache, publish, remember, withLock } from "../cache.mjs";

const SETUP = fileURLToPath(new URL("../setup.mjs", import.meta.url));
const NAME = "range-preimage";
const FILES = [
	"circuit.wasm",
	"circuit.zkey",
	"meta.json",
	"sample.json",
	"verification_key.json",
	"verifier.json",
	"verifier.sol",
];

function temporary(t) {
	const dir = mkdtempSync(join(tmpdir(), "kalypso-setup-"));
	t.after(() => rmSync(dir, { recursive: true, force: true }));
	return dir;
}

// A folder with the powers of tau, which take most of the time, and nothing else.
function withPowersOnly(t) {
	const out = temporary(t);
	const cached = join(marketDir(""), ".cache");
	for (const entry of readdirSync(cached).filter((name) => name.startsWith("powers-of-tau-"))) {
		cpSync(join(cached, entry), join(out, ".cache", entry), { recursive: true });
	}
	return out;
}

function run(out, ...names) {
	const child = spawn(process.execPath, [SETUP, `--out=${out}`, ...names], {
		stdio: ["ignore", "ignore", "pipe"],
	});
	child.text = "";
	child.stderr.on("data", (data) => {
		child.text += data;
	});
	child.ended = once(child, "exit").then(([code]) => code);
	child.says = (text) =>
		new Promise((resolve, reject) => {
			child.stderr.on("data", () => child.text.includes(text) && resolve());
			child.ended.then(() =>
				child.text.includes(text) ? resolve() : reject(new Error(child.text)),
			);
		});
	return child;
}

test("an entry appears when it is complete, and not when making it fails", async (t) => {
	const cache = openCache(temporary(t));
	const hash = hashOf(["one"]);
	await assert.rejects(
		remember(cache, "thing", hash, (dir) => {
			writeFileSync(join(dir, "half"), "");
			throw new Error("killed");
		}),
		/killed/,
	);
	assert.equal(existsSync(join(cache.dir, `thing-${hash}`)), false);
	const first = await remember(cache, "thing", hash, (dir) =>
		writeFileSync(join(dir, "whole"), ""),
	);
	assert.deepEqual([first.made, readdirSync(first.entry)], [true, ["whole"]]);
	const second = await remember(cache, "thing", hash, () => assert.fail("made twice"));
	assert.equal(second.made, false);
});

test("a newer entry replaces the older one under the same name", async (t) => {
	const cache = openCache(temporary(t));
	const make = (text) => (dir) => writeFileSync(join(dir, "text"), text);
	const published = () => readFileSync(join(cache.out, "thing", "text"), "utf8");
	for (const text of ["one", "two"]) {
		await remember(cache, "thing", hashOf([text]), make(text));
		publish(cache, "thing", hashOf([text]));
		assert.equal(published(), text);
	}
	await remember(cache, "thing-else", hashOf(["one"]), make("else"));
	assert.equal(published(), "two");
	const entries = readdirSync(cache.dir).filter((name) => name.startsWith("thing"));
	assert.deepEqual(
		entries.sort(),
		[`thing-${hashOf(["two"])}`, `thing-else-${hashOf(["one"])}`].sort(),
	);
});

test("hashes tell apart where one part ends and the next begins", () => {
	assert.notEqual(hashOf(["ab", "c"]), hashOf(["a", "bc"]));
	assert.match(hashOf([]), /^[0-9a-f]{16}$/);
});

test("a lock whose owner is gone is taken over; one that is held is waited for", async (t) => {
	const cache = openCache(temporary(t));
	const lock = join(cache.dir, "lock");
	writeFileSync(lock, "4194304");
	assert.equal(
		await withLock(
			cache,
			() => assert.fail("waited for a dead owner"),
			() => "done",
		),
		"done",
	);
	assert.equal(existsSync(lock), false);
	const order = [];
	let waited;
	const told = new Promise((resolve) => {
		waited = resolve;
	});
	const first = withLock(
		cache,
		() => {},
		async () => {
			await told;
			order.push("first");
		},
	);
	const second = withLock(cache, waited, () => order.push("second"));
	await Promise.all([first, second]);
	assert.deepEqual(order, ["first", "second"]);
});

test("a killed set-up leaves nothing that looks whole, and the next one finishes", async (t) => {
	const out = withPowersOnly(t);
	for (const moment of ["compile", "Solidity verifier"]) {
		const killed = run(out, NAME);
		await killed.says(moment);
		killed.kill("SIGKILL");
		await killed.ended;
		assert.equal(existsSync(join(out, NAME)), false, moment);
	}
	const [first, second] = [run(out, NAME), run(out, NAME)];
	assert.deepEqual(await Promise.all([first.ended, second.ended]), [0, 0]);
	const texts = [first.text, second.text];
	assert.equal(
		texts.filter((text) => text.includes("DEVELOPMENT ONLY")).length,
		1,
		"one of two did the work",
	);
	assert.equal(texts.filter((text) => text.includes("waiting")).length, 1, "the other waited");
	assert.deepEqual(readdirSync(join(out, NAME)).sort(), FILES);
	assert.ok(lstatSync(join(out, NAME)).isSymbolicLink());
	const left = readdirSync(join(out, ".cache")).filter((name) => /work|lock|link/.test(name));
	assert.deepEqual(left, []);
});

test("keys made elsewhere are taken, if they fit", async (t) => {
	const out = temporary(t);
	const zkeyOf = (name) => join(marketDir(name), "circuit.zkey");
	const fits = run(out, NAME, `--zkey=${zkeyOf(NAME)}`);
	assert.equal(await fits.ended, 0);
	assert.doesNotMatch(fits.text, /DEVELOPMENT ONLY/);
	const read = (dir, file) => readFileSync(join(dir, file), "utf8");
	assert.equal(JSON.parse(read(join(out, NAME), "meta.json")).developmentOnly, false);
	assert.equal(read(join(out, NAME), "verifier.sol"), read(marketDir(NAME), "verifier.sol"));
	const other = run(out, NAME, `--zkey=${zkeyOf("rollup-batch")}`);
	assert.equal(await other.ended, 1);
	assert.equal(JSON.parse(read(join(out, NAME), "meta.json")).name, NAME);
});

test("a second run does nothing, at once", async () => {
	const before = lstatSync(join(marketDir(NAME), "circuit.zkey")).mtimeMs;
	const start = performance.now();
	const again = run(marketDir(""), NAME);
	assert.equal(await again.ended, 0);
	assert.match(again.text, /up to date/);
	assert.ok(performance.now() - start < 5000);
	assert.equal(lstatSync(join(marketDir(NAME), "circuit.zkey")).mtimeMs, before);
});
