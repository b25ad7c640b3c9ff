// Keys of the bus, made and changed: files, modes, and what is never overwritten. No node is needed.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { kalypso } from "./world.mjs";

const SERVICES = ["chain-indexer", "orderbook", "matcher", "task-publisher", "slasher-watcher", "webhook-gateway"];

export function keysTests() {
	describe("keys", () => {
		let folder;
		const at = (name) => join(folder, name);
		const text = (name) => readFileSync(at(name), "utf8");
		const publicOf = (name) => /public-key = "(.{40})"/.exec(text(name))[1];
		const mode = (name) => (statSync(at(name)).mode & 0o7777).toString(8);
		const keys = async (verb, words = [], code = 0) => (await kalypso(["keys", verb, folder, ...words, "--json"])).is(code);
		const all = () => [...readdirSync(folder), ...readdirSync(at("public")).map((f) => `public/${f}`)].sort();
		const snapshot = () => Object.fromEntries(all().filter((f) => f !== "public").map((f) => [f, text(f)]));

		before(() => (folder = join(mkdtempSync(join(tmpdir(), "kalypso-keys-")), "bus")));
		after(() => rmSync(join(folder, ".."), { recursive: true, force: true }));

		test("make: a secret for each service alone, a public key for everybody", async () => {
			const { json, out } = await keys("make");
			assert.deepEqual(json.keys.map((k) => k.service), SERVICES);
			assert.deepEqual(all(), ["public", ...SERVICES.flatMap((s) => [`${s}.key`, `public/${s}.pub`])].sort());
			assert.equal(mode("."), "700");
			for (const { service, public_key, secret_file } of json.keys) {
				assert.equal(secret_file, at(`${service}.key`));
				assert.equal(mode(`${service}.key`), "600");
				assert.equal(mode(`public/${service}.pub`), "644");
				assert.equal(publicOf(`${service}.key`), public_key);
				assert.equal(publicOf(`public/${service}.pub`), public_key);
				assert.doesNotMatch(text(`public/${service}.pub`), /secret/);
				const secret = /secret-key = "(.{40})"/.exec(text(`${service}.key`))[1];
				assert.ok(!out.includes(secret), "a secret was printed");
			}
			assert.equal(new Set(json.keys.map((k) => k.public_key)).size, SERVICES.length);
		});

		test("make overwrites nothing unless it is told to", async () => {
			const had = snapshot();
			assert.match((await keys("make", [], 2)).error.message, /chain-indexer.pub is there already.*keys prepare.*--replace/);
			rmSync(at("public/matcher.pub"));
			assert.match((await keys("make", ["matcher"], 2)).error.message, /matcher.key is there already/);
			writeFileSync(at("public/matcher.pub"), had["public/matcher.pub"]);
			assert.deepEqual(snapshot(), had);
			await keys("make", ["matcher", "--replace"]);
			const now = snapshot();
			for (const file of Object.keys(had)) assert.equal(now[file] === had[file], !file.includes("matcher"), file);
			assert.equal(publicOf("matcher.key"), publicOf("public/matcher.pub"));
		});

		test("prepare, switch, retire: the old and the next one are there as long as they are used", async () => {
			const old = publicOf("matcher.key");
			assert.match((await keys("switch", ["matcher"], 2)).error.message, /matcher.next.key isn't there.*keys prepare/);
			assert.match((await keys("retire", ["matcher"], 2)).error.message, /matcher.old.pub isn't there.*keys switch/);

			await keys("prepare", ["matcher"]);
			const next = publicOf("matcher.next.key");
			assert.notEqual(next, old);
			assert.equal(mode("matcher.next.key"), "600");
			assert.deepEqual([publicOf("matcher.key"), publicOf("public/matcher.pub"), publicOf("public/matcher.next.pub")], [old, old, next]);
			const had = snapshot();
			assert.match((await keys("prepare", ["matcher"], 2)).error.message, /matcher.next.pub is there already/);
			assert.deepEqual(snapshot(), had);

			await keys("switch", ["matcher"]);
			assert.deepEqual([publicOf("matcher.key"), publicOf("public/matcher.pub"), publicOf("public/matcher.old.pub")], [next, next, old]);
			assert.equal(mode("matcher.key"), "600");
			assert.equal(existsSync(at("matcher.next.key")) || existsSync(at("public/matcher.next.pub")), false);
			assert.match((await keys("prepare", ["matcher"], 2)).error.message, /matcher.old.pub is there already.*keys retire/);
			const { json } = await keys("list");
			assert.deepEqual(
				json.keys.filter((k) => k.service === "matcher").map((k) => [k.use, k.public_key, k.secret_file]),
				[["old", old, "-"], ["now", next, at("matcher.key")]],
			);

			await keys("retire", ["matcher"]);
			assert.deepEqual(all(), ["public", ...SERVICES.flatMap((s) => [`${s}.key`, `public/${s}.pub`])].sort());
		});

		test("what can't be is refused before anything is written", async () => {
			const had = snapshot();
			for (const name of ["listener", "Matcher", "../matcher", ""])
				assert.match((await keys("make", [name, "--replace"], 2)).error.message, /is no service on the bus/);
			assert.match((await keys("prepare", ["matcher", "nobody"], 2)).error.message, /'nobody' is no service/);
			assert.deepEqual(snapshot(), had);
			const nowhere = (await kalypso(["keys", "list", "/nowhere", "--json"])).is(2);
			assert.match(nowhere.error.message, /\/nowhere\/public: No such file.*keys make/);
			(await kalypso(["keys", "make", "/proc/nowhere"])).is(2, /name a folder that can be made/);
			writeFileSync(at("public/orderbook.pub"), "nonsense");
			assert.match((await keys("list", [], 2)).error.message, /orderbook.pub: no public-key of 40 characters/);
			chmodSync(at("public/orderbook.pub"), 0o644);
		});
	});
}
