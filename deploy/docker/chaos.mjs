#!/usr/bin/env node
// Kills a container of this market every few seconds and starts it again: docker-compose --profile chaos up.
// It has the engine's socket, and with it this machine: for a market that is there to be broken.
import { randomInt } from "node:crypto";
import { request } from "node:http";
import { hostname } from "node:os";
import { sleep } from "../local/processes.mjs";

const SOCKET = "/var/run/docker.sock";
const EVERY_S = Number(process.env.KALYPSO_CHAOS_EVERY ?? 10);
const VICTIMS = process.env.KALYPSO_CHAOS_VICTIMS.split(",");

// What the engine's API answers, as JSON; undefined for an empty answer.
function engine(method, path) {
	return new Promise((resolve, reject) => {
		const on = (answer) => {
			let text = "";
			answer.on("data", (part) => (text += part));
			answer.on("end", () => {
				if (answer.statusCode >= 400) return reject(new Error(`${method} ${path}: ${answer.statusCode} ${text.trim()}`));
				resolve(text ? JSON.parse(text) : undefined);
			});
		};
		request({ socketPath: SOCKET, method, path }, on).on("error", reject).end();
	});
}

async function victims() {
	const { Config } = await engine("GET", `/containers/${hostname()}/json`);
	const project = Config.Labels["com.docker.compose.project"];
	const filters = JSON.stringify({ label: [`com.docker.compose.project=${project}`], status: ["running"] });
	const all = await engine("GET", `/containers/json?filters=${encodeURIComponent(filters)}`);
	return all.map(({ Id, Labels }) => ({ id: Id, name: Labels["com.docker.compose.service"] })).filter(({ name }) => VICTIMS.includes(name));
}

async function strike() {
	const running = await victims();
	if (!running.length) return console.log("chaos: none of the victims runs");
	const { id, name } = running[randomInt(running.length)];
	await engine("POST", `/containers/${id}/kill?signal=KILL`);
	await engine("POST", `/containers/${id}/wait?condition=not-running`);
	await engine("POST", `/containers/${id}/start`);
	console.log(`chaos: killed ${name}, and started it again`);
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
if (!(EVERY_S > 0)) throw new Error(`KALYPSO_CHAOS_EVERY=${process.env.KALYPSO_CHAOS_EVERY}: give a number of seconds`);
console.log(`chaos: every ${EVERY_S} s one of ${VICTIMS.join(", ")}`);
for (;;) {
	await sleep(EVERY_S * 1000);
	await strike().catch((error) => console.error(`chaos: ${error.message}`));
}
