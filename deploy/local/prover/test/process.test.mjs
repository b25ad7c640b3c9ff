// The gateway as a process: many calls at once, deadlines, lost and stuck workers, start and end.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
	cpSync,
	existsSync,
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
import { fromJson } from "../codec.mjs";
import {
	call,
	eventually,
	inputsOf,
	marketDir,
	payload,
	sampleOf,
	seeded,
	startProver,
} from "./helpers.mjs";

const NAME = "rollup-batch";
const GATEWAY = fileURLToPath(new URL("../prover-gateway.mjs", import.meta.url));
const { fresh } = await inputsOf(NAME);
const random = seeded("process");

function prove(base, headers) {
	return call(base, "generateProof", payload(fresh(random)), headers);
}

function workersOf(prover) {
	const children = readFileSync(`/proc/${prover.pid}/task/${prover.pid}/children`, "utf8");
	return children.trim().split(" ").filter(Boolean).map(Number);
}

// The worker is at work, not waiting for any.
function isProving(prover) {
	const [worker] = workersOf(prover);
	return eventually(
		"a proof is being made",
		() => readFileSync(`/proc/${worker}/stat`, "utf8").split(" ")[2] === "R",
	);
}

function temporary(t) {
	const dir = mkdtempSync(join(tmpdir(), "kalypso-prover-"));
	t.after(() => rmSync(dir, { recursive: true }));
	return dir;
}

// A market whose solver is replaced: it loads from the market's own folder.
function marketWithSolver(t, source) {
	const dir = join(temporary(t), NAME);
	cpSync(marketDir(NAME), dir, { recursive: true, dereference: true });
	writeFileSync(join(dir, "solve.mjs"), source);
	return dir;
}

test("many calls at once are all proven, and the server answers meanwhile", async () => {
	const prover = await startProver([NAME], ["--cold"]);
	let pending = 6;
	const proofs = Array.from({ length: pending }, async () => {
		const inputs = fresh(random);
		const { status, answer } = await call(prover.url, "generateProof", payload(inputs));
		pending--;
		const verify = { public_input: [...inputs], proof: answer.proof };
		const { answer: verified } = await call(prover.url, "verifyInputsAndProof", verify);
		return [status, verified.is_input_and_proof_valid];
	});
	const start = performance.now();
	await call(prover.url, "test");
	assert.ok(performance.now() - start < 500, "test waits for no proof");
	assert.ok(pending > 0);
	assert.deepEqual(await Promise.all(proofs), Array(6).fill([200, true]));
	const { answer } = await call(prover.url, "test");
	assert.match(answer.data, /6 proofs made/);
	await prover.stop("SIGTERM");
});

test("two proofs at a time have two processes", async () => {
	const prover = await startProver([NAME], ["--concurrency=2"]);
	assert.equal(workersOf(prover).length, 2);
	const answers = await Promise.all([prove(prover.url), prove(prover.url), prove(prover.url)]);
	assert.deepEqual(
		answers.map(({ status }) => status),
		[200, 200, 200],
	);
	await prover.stop("SIGTERM");
});

test("the most urgent call is next, one without a deadline the last", async () => {
	const prover = await startProver([NAME], ["--cold"]);
	const now = Math.floor(Date.now() / 1000);
	const order = [];
	const proveBy = async (deadline) => {
		await prove(prover.url, deadline ? { "X-Kalypso-Deadline": String(deadline) } : {});
		order.push(deadline);
	};
	const calls = [proveBy(now + 1000)];
	await isProving(prover);
	calls.push(proveBy(null), proveBy(now + 900), proveBy(now + 500), proveBy(now + 700));
	await Promise.all(calls);
	assert.deepEqual(order, [now + 1000, now + 500, now + 700, now + 900, null]);
	await prover.stop("SIGTERM");
});

test("a deadline that passes in the queue costs no proof", async (t) => {
	const slow =
		"export function solve() { for (const end = Date.now() + 3000; Date.now() < end; ); }";
	const dir = marketWithSolver(t, slow);
	const prover = await startProver([], [`--market-dir=${dir}`, "--cold"]);
	const running = prove(prover.url);
	await isProving(prover);
	const deadline = Math.floor(Date.now() / 1000) + 2;
	const late = await prove(prover.url, { "X-Kalypso-Deadline": String(deadline) });
	assert.deepEqual([late.status, late.answer.error], [504, "deadline_passed"]);
	await running;
	await prover.stop("SIGTERM");
});

test("a chain whose clock is behind can be given slack", async () => {
	const past = { "X-Kalypso-Deadline": String(Math.floor(Date.now() / 1000) - 10) };
	const prover = await startProver([NAME], ["--cold", "--deadline-slack=100"]);
	assert.equal((await prove(prover.url, past)).status, 200);
	await prover.stop("SIGTERM");
});

test("a full queue says busy, and when to come back", async () => {
	const prover = await startProver([NAME], ["--queue-limit=1"]);
	const answers = await Promise.all(Array.from({ length: 5 }, () => prove(prover.url)));
	const refused = answers.filter(({ status }) => status === 503);
	assert.ok(refused.length >= 2, `${refused.length} refused`);
	assert.equal(refused[0].answer.error, "busy");
	assert.equal(refused[0].headers.get("retry-after"), "1");
	assert.equal((await prove(prover.url)).status, 200);
	await prover.stop("SIGTERM");
});

test("calls of clients that left aren't worked at", async () => {
	const prover = await startProver([NAME], ["--cold"]);
	const first = prove(prover.url);
	const leaving = new AbortController();
	const left = Array.from({ length: 20 }, () =>
		fetch(`${prover.url}/api/generateProof`, {
			method: "POST",
			body: JSON.stringify(payload(fresh(random))),
			signal: leaving.signal,
		}).catch(() => "left"),
	);
	await first;
	leaving.abort();
	await Promise.all(left);
	assert.equal((await prove(prover.url)).status, 200);
	const { answer } = await call(prover.url, "test");
	const made = Number(/(\d+) proofs made/.exec(answer.data)[1]);
	assert.ok(made <= 4, `${made} proofs made`);
	await prover.stop("SIGTERM");
});

test("a lost proving process fails its call and is replaced", async () => {
	const prover = await startProver([NAME], ["--cold"]);
	const lost = prove(prover.url);
	const [worker] = workersOf(prover);
	await isProving(prover);
	process.kill(worker, "SIGKILL");
	const { status, answer } = await lost;
	assert.deepEqual([status, answer.error], [500, "prover_failed"]);
	assert.equal((await prove(prover.url)).status, 200);
	assert.notEqual(workersOf(prover)[0], worker);
	await prover.stop("SIGTERM");
});

test("a solver that never ends is stopped, and isn't taken for invalid inputs", async (t) => {
	const dir = marketWithSolver(
		t,
		"let used = 0;\nexport function solve() {\n\tfor (;;) { used++; }\n}\n",
	);
	const prover = await startProver([], [`--market-dir=${dir}`, "--cold", "--job-timeout=1"]);
	const { status, answer } = await prove(prover.url);
	assert.deepEqual([status, answer.error], [500, "prover_failed"]);
	assert.match(answer.reason, /in 1 s/);
	assert.equal((await call(prover.url, "test")).status, 200);
	await prover.stop("SIGTERM");
});

test("a solver that throws or errs is a failure, and not invalid inputs", async (t) => {
	const solvers = [
		"export function solve() { throw new Error('bug'); }",
		"export function solve() { return { input: {} }; }",
		"export function solve([rootBefore, rootAfter, balances, transfers]) {" +
			" return { input: { rootBefore, rootAfter: rootAfter + 1n, balances, transfers } }; }",
	];
	for (const solver of solvers) {
		const prover = await startProver(
			[],
			[`--market-dir=${marketWithSolver(t, solver)}`, "--cold"],
		);
		for (const name of ["generateProof", "checkInput"]) {
			const { status, answer } = await call(prover.url, name, payload(fresh(random)));
			assert.deepEqual([status, answer.error], [500, "prover_failed"], solver);
		}
		await prover.stop("SIGTERM");
	}
});

test("a restarted prover goes on with the same keys", async (t) => {
	const file = join(temporary(t), "port");
	const before = await startProver([NAME], [`--port-file=${file}`]);
	const port = readFileSync(file, "utf8").trim();
	assert.equal(before.url, `http://127.0.0.1:${port}`);
	const inputs = fresh(random);
	const { answer } = await call(before.url, "generateProof", payload(inputs));
	await before.stop("SIGKILL");
	const after = await startProver([NAME], [`--port-file=${file}`, `--port=${port}`]);
	const verify = { public_input: [...inputs], proof: answer.proof };
	assert.deepEqual((await call(after.url, "verifyInputsAndProof", verify)).answer, {
		is_input_and_proof_valid: true,
	});
	await after.stop("SIGTERM");
	assert.equal(existsSync(file), false);
});

test("a prover that is killed takes its proving process with it", async () => {
	const prover = await startProver([NAME], ["--cold"]);
	const [worker] = workersOf(prover);
	await prover.stop("SIGKILL");
	await eventually("the worker has ended", () => !existsSync(`/proc/${worker}`));
});

test("SIGTERM lets calls finish and takes no new ones", async () => {
	const prover = await startProver([NAME], ["--cold"]);
	const running = prove(prover.url);
	await isProving(prover);
	const ended = prover.stop("SIGTERM");
	const { status, answer } = await running;
	assert.equal(status, 200);
	assert.equal(fromJson(answer.proof, "proof").length, 256);
	assert.deepEqual(await ended, { code: 0, signal: null });
	assert.match(prover.errors, /prover\.stopping signal=SIGTERM calls=1/);
});

test("SIGTERM waits no longer than told", async (t) => {
	const dir = marketWithSolver(t, "export function solve() { for (;;); }");
	const prover = await startProver([], [`--market-dir=${dir}`, "--cold", "--stop-timeout=1"]);
	const running = prove(prover.url);
	await isProving(prover);
	const ended = prover.stop("SIGTERM");
	const { status, answer } = await running;
	assert.deepEqual([status, answer.error], [500, "prover_failed"]);
	assert.equal((await ended).code, 0);
});

test("proving gives way when told to", async () => {
	const prover = await startProver([NAME], ["--cold", "--nice=7"]);
	assert.equal(readFileSync(`/proc/${workersOf(prover)[0]}/stat`, "utf8").split(" ")[18], "7");
	assert.equal(readFileSync(`/proc/${prover.pid}/stat`, "utf8").split(" ")[18], "0");
	await prover.stop("SIGTERM");
	const idle = await startProver([NAME], ["--cold", "--idle"]);
	const policy = execFileSync("chrt", ["--pid", String(workersOf(idle)[0])], {
		encoding: "utf8",
	});
	assert.match(policy, /SCHED_IDLE/);
	await idle.stop("SIGTERM");
});

test("bytes are sent as 0x strings when told to", async () => {
	const prover = await startProver([NAME], ["--cold", "--bytes=hex"]);
	const { answer } = await prove(prover.url);
	assert.match(answer.proof, /^0x[0-9a-f]{512}$/);
	await prover.stop("SIGTERM");
});

test("each call leaves one line, with its request, its trace and its deadline", async () => {
	const prover = await startProver([NAME], ["--cold", "--log-format=json"]);
	const { inputs } = sampleOf(NAME);
	await call(prover.url, "checkInput", payload(inputs), {
		"X-Kalypso-Request-Id": "0x2a",
		"X-Kalypso-Deadline": "4000000000",
		traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	});
	await call(prover.url, "checkInput", payload(inputs), {
		"X-Kalypso-Request-Id": "x event=forged",
		traceparent: "00-4bf92f3577b34da6a3ce929d0e0e473x-00f067aa0ba902b7-01",
	});
	await prover.stop("SIGTERM");
	const lines = prover.errors
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line));
	const [first, second, ...others] = lines.filter(({ event }) => event === "prover.answered");
	assert.equal(others.length, 0);
	assert.deepEqual(
		[first.request, first.deadline, first.call, first.status],
		["0x2a", "4000000000", "checkInput", "200"],
	);
	assert.equal(first.trace, "4bf92f3577b34da6a3ce929d0e0e4736");
	assert.equal(second.request, "malformed");
	assert.equal(second.trace, undefined);
});

test("options are read from the environment, and unknown ones are errors", () => {
	const run = (args, env = {}) =>
		spawnSync(process.execPath, [GATEWAY, ...args], {
			encoding: "utf8",
			env: { ...process.env, ...env },
		});
	const help = run(["--help"]);
	assert.equal(help.status, 0);
	assert.match(help.stdout, /--market-dir=DIR/);
	for (const args of [
		[],
		["--market-dir=x", "--port=x"],
		["--market-dir=x", "--bytes=maybe"],
		["--no-such"],
		["--market-dir=x", "--concurrency=0"],
	]) {
		const { status, stderr } = run(args);
		assert.equal(status, 2, args.join(" "));
		assert.match(stderr, /see --help/);
	}
	const { status, stderr } = run([], { KALYPSO_PROVER_GATEWAY_MARKET_DIR: "/nonexistent" });
	assert.equal(status, 1);
	assert.match(stderr, /prover\.not_started.*nonexistent/);
});

test("keys that don't belong together are found at the start", (t) => {
	const dir = marketWithSolver(t, "export function solve() {}");
	const other = marketDir("range-preimage");
	cpSync(join(other, "verification_key.json"), join(dir, "verification_key.json"));
	const { status, stderr } = spawnSync(
		process.execPath,
		[GATEWAY, `--market-dir=${dir}`, "--port=0"],
		{ encoding: "utf8" },
	);
	assert.equal(status, 1);
	assert.match(stderr, /not_started/);
	assert.deepEqual(readdirSync(dir).includes("port"), false);
});
