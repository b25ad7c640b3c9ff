// How late requests are while every service is restarted under load, two copies each, by SIGTERM as Kubernetes does it:
// one service after the other, then all of them at once, as `kubectl apply` of a new image does.
import { sleep } from "../../../deploy/local/processes.mjs";
import { Pairs, SERVICES, Traffic } from "../../deploy/rolling/pairs.mjs";
import { quantile } from "../report.mjs";

const QUIET_MS = 15_000;
const MIN_READY_MS = 5000; // minReadySeconds of deploy/k8s

export async function measure({ say }) {
	const pairs = await Pairs.start({ minReadyMs: MIN_READY_MS });
	const traffic = new Traffic(pairs, { perBlock: 5 });
	try {
		say("undisturbed");
		await sleep(QUIET_MS);
		const begun = performance.now();
		for (const name of SERVICES) {
			say(`restarting ${name}`);
			await pairs.roll(name);
		}
		const middle = performance.now();
		say("restarting all at once");
		await Promise.all(SERVICES.map((name) => pairs.roll(name)));
		await sleep(QUIET_MS / 3);
		await traffic.end();
		return figures(await traffic.requests(), traffic, begun, middle, say);
	} finally {
		await traffic.halt();
		await pairs.stop();
	}
}

// Later than what is usual: a request has to wait for the next block in any case.
function figures(requests, traffic, begun, middle, say) {
	const usual = quantile(requests.filter((r) => r.at < begun).map((r) => r.ms), 0.5);
	const late = (list) => Math.max(...list.map((r) => r.ms - usual)) / 1000;
	const parts = { "one by one": requests.filter((r) => r.at >= begun && r.at < middle), "all at once": requests.filter((r) => r.at >= middle) };
	for (const [name, list] of Object.entries(parts)) say(`${name}: ${list.length} requests, usually ${Math.round(usual)} ms, at most ${late(list).toFixed(2)} s later`);
	const during = traffic.answers.filter((a) => a.at >= begun);
	const answer = Math.max(...during.map((a) => a.ms)) / 1000;
	say(`${during.length} answers of gateways, at most ${answer.toFixed(2)} s`);
	const lost = requests.filter((r) => r.tasks !== 1).length + traffic.lost;
	return [
		{ name: "rolling_restart_delay_s", value: Math.max(late(requests.filter((r) => r.at >= begun)), answer), unit: "s", reach: "<= 5" },
		{ name: "rolling_restart_lost", value: lost, unit: "requests", reach: "<= 0" },
	];
}
