// The market of docker-compose.yml: how large its image is, how soon its first proof is there, what its services need.
import { request } from "node:http";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../../deploy/local/processes.mjs";
import { ComposeMarket, LASTING, LISTENERS, SERVICES } from "../../deploy/docker/compose.mjs";
import { Engine } from "../../deploy/docker/engine.mjs";

const OURS = [...SERVICES, ...LISTENERS];
const OPEN_REQUESTS = 200;
const SETTLE_MS = 15_000;
const IDLE_MS = 60_000;
const MIB = 2 ** 20;

export async function measure({ say }) {
	const engine = await Engine.start();
	if (typeof engine === "string") return engine;
	const market = await ComposeMarket.create(engine);
	try {
		say("building images");
		await engine.build();
		const [{ Size }] = await engine.inspect("kalypso:local");
		const first = await firstProof(market, say);
		const idle = await idlePercent(market, say);
		const resident = await residentMib(market, say);
		return [
			{ name: "image_mib", value: Size / MIB, unit: "MiB", reach: "<= 120" },
			{ name: "compose_first_proof_s", value: first, unit: "s", reach: "<= 60" },
			{ name: "rss_total_mib", value: resident, unit: "MiB", reach: "<= 300" },
			{ name: "idle_cpu_percent", value: idle, unit: "% of a core", reach: "<= 5" },
		];
	} finally {
		await market.compose("down", "--volumes").catch(() => {});
		market.remove();
		await engine.stop();
	}
}

// From `docker-compose up` to the first proof on the chain, of a request placed as soon as there is a market to ask.
async function firstProof(market, say) {
	say("docker-compose up");
	const began = Date.now();
	const up = market.up();
	await until("the deployer", async () => (await market.inspect("deployer"))[0].State.Status === "exited", { timeoutMs: 300_000, everyMs: 200 });
	await market.attach();
	await market.fund();
	await market.fulfilled(await market.request());
	const seconds = (Date.now() - began) / 1000;
	await up;
	await market.healthy(...LASTING);
	return seconds;
}

// Of all services together, health checks included, while blocks come and nobody asks for anything.
async function idlePercent(market, say) {
	say(`idle for ${IDLE_MS / 1000} s`);
	await sleep(SETTLE_MS);
	const [before, began] = [await usedNs(market), process.hrtime.bigint()];
	await sleep(IDLE_MS);
	return (100 * ((await usedNs(market)) - before)) / Number(process.hrtime.bigint() - began);
}

async function usedNs(market) {
	const all = await Promise.all(OURS.map((name) => stats(market, name)));
	return all.reduce((sum, { cpu_stats }) => sum + cpu_stats.cpu_usage.total_usage, 0);
}

function stats(market, service) {
	const options = {
		socketPath: market.engine.env.DOCKER_HOST.replace("unix://", ""),
		path: `/containers/${market.container(service)}/stats?stream=false&one-shot=true`,
	};
	return new Promise((resolve, reject) => {
		const on = (answer) => {
			let text = "";
			answer.on("data", (part) => (text += part)).on("end", () => resolve(JSON.parse(text)));
		};
		request(options, on).on("error", reject).end();
	});
}

// VmRSS of every service, libraries that they share counted for each.
async function residentMib(market, say) {
	say(`${OPEN_REQUESTS} open requests`);
	await market.hopeless(OPEN_REQUESTS);
	await until("all of them in the book", async () => JSON.parse((await market.get("/v1/markets/2")).text).market.requests.open === OPEN_REQUESTS);
	await sleep(SETTLE_MS);
	const all = (await market.inspect(...OURS)).map(({ State, Name }) => [Name, rssKib(State.Pid)]);
	for (const [name, kib] of all) say(`${name.slice(1)} ${(kib / 1024).toFixed(1)} MiB`);
	return all.reduce((sum, [, kib]) => sum + kib, 0) / 1024;
}

const rssKib = (pid) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);
