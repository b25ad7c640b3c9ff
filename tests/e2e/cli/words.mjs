// Help, completion, versions, and what isn't a command: no node is needed.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { ROOT } from "../../../deploy/local/chain.mjs";
import { KALYPSO, kalypso } from "./world.mjs";

const VERSION = /KALYPSO_VERSION "(.*)"/.exec(readFileSync(join(ROOT, "common/version.h"), "utf8"))[1];

// Every command, from the program's own list.
async function commands() {
	const { out } = (await kalypso(["help"])).is(0);
	const lines = out.split("\n\n")[1].split("\n");
	return lines.map((line) => line.trim().split(/ {2,}/)[0].split(" "));
}

async function complete(...words) {
	const script = `eval "$('${KALYPSO}' completion bash)"; COMP_WORDS=(kalypso "$@"); COMP_CWORD=$#; _kalypso
		printf '%s\\n' "\${COMPREPLY[@]}"`;
	const { stdout } = await promisify(execFile)("bash", ["-c", script, "bash", ...words]);
	return stdout.trim().split("\n");
}

export function wordsTests() {
	describe("words", () => {
		test("help lists every command that was asked for", async () => {
			const names = (await commands()).map((words) => words.join(" "));
			for (const name of [
				"market create, market list, market show, market close",
				"request create, request cancel, request show, request wait, request proof",
				"generator register, generator stake, generator unstake, generator compute, generator join",
				"generator quote, generator leave, generator deregister, generator show, generator reward",
				"account show, account withdraw, account new",
				"admin me-key, admin fee, admin pause, admin unpause, admin split, admin setting",
				"task list, slash, why request, why generator, status, events, quarantine list, quarantine show, quarantine retry, quarantine drop, audit, replay, export, import, completion",
				"keys make, keys list, keys prepare, keys switch, keys retire, redis users, redis load",
			].flatMap((line) => line.split(", ")))
				assert.ok(names.includes(name), name);
		});

		test("each command has a manual with examples, in two ways", async () => {
			for (const words of await commands()) {
				const help = (await kalypso([...words, "--help"])).is(0);
				assert.match(help.out, new RegExp(`^Usage: kalypso ${words.join(" ")} \\[OPTION`));
				assert.match(help.out, /--json/);
				assert.match(help.out, /Examples:\n {2}(kalypso|eval)/);
				assert.equal(help.err, "");
				assert.ok(help.out.split("\n").every((line) => line.length <= 80), help.out);
				assert.equal((await kalypso(["help", ...words])).is(0).out, help.out);
			}
		});

		test("each noun lists its commands", async () => {
			assert.match((await kalypso(["request", "--help"])).is(0).out, /request proof +print or save the proof/);
			assert.match((await kalypso(["help", "market"])).is(0).out, /market close/);
			assert.match((await kalypso(["request"])).is(2).err, /request create/);
			assert.match((await kalypso([])).is(2).err, /Exit status:/);
		});

		test("docs/cli.md is what the program says of itself", async () => {
			const { out } = (await kalypso(["help", "--markdown"])).is(0);
			const doc = readFileSync(join(ROOT, "docs/cli.md"), "utf8");
			assert.ok(doc.includes(out), "kalypso help --markdown says otherwise");
		});

		test("what isn't a command or an option is refused", async () => {
			(await kalypso(["bla"])).is(2, /no command 'bla'/);
			(await kalypso(["request", "bla"])).is(2, /no command 'request bla'/);
			(await kalypso(["help", "bla"])).is(2, /no command 'bla'/);
			(await kalypso(["help", "request", "bla"])).is(2, /no command 'request bla'/);
			(await kalypso(["market", "list", "--bla"])).is(2, /unrecognized option/);
			(await kalypso(["market", "list", "bla"])).is(2, /what is 'bla'/);
			(await kalypso(["market", "show"])).is(2, /ID is missing/);
			(await kalypso(["market", "show", "1", "2"])).is(2, /one too many/);
			(await kalypso(["request", "create"])).is(2, /--market is missing/);
			(await kalypso(["request", "create", "--market=one"])).is(2, /'one' is no whole number/);
			(await kalypso(["request", "create", "--max-time=1w"])).is(2, /'1w' is no time/);
			(await kalypso(["request", "create", "--refund-to=0x12"])).is(2, /'0x12' is no address/);
			(await kalypso(["request", "create", "--refund-to=0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266"])).is(2, /checksum/);
			(await kalypso(["completion", "fish"])).is(2, /bash only/);
		});

		test("a wrong value in the environment is named by its variable", async () => {
			const env = { KALYPSO_TIMEOUT: "soon" };
			(await kalypso(["request", "wait", "1"], { env })).is(2, /KALYPSO_TIMEOUT: 'soon' is no time/);
		});

		test("the version", async () => {
			assert.equal((await kalypso(["version"])).is(0).out, `kalypso ${VERSION}\n`);
			assert.equal((await kalypso(["--version"])).is(0).out, `kalypso ${VERSION}\n`);
			assert.deepEqual((await kalypso(["version", "--json"])).is(0).json, { version: VERSION });
		});

		test("bash completes nouns, verbs and options", async () => {
			assert.deepEqual(await complete("req"), ["request"]);
			assert.deepEqual(await complete("request", "c"), ["create", "cancel"]);
			assert.deepEqual(await complete("request", "create", "--max-p"), ["--max-price="]);
			assert.ok((await complete("slash", "--")).includes("--json"));
		});
	});
}
