// The node answers wrongly, late, or not at all: what tests/chaos/rpc-proxy.mjs can do, one by one and mixed.
import { RpcProxy } from "../rpc-proxy.mjs";
import { sleep } from "../scene.mjs";

const scene = { liar: true };
const SPAN_MS = 4000;
// A page of 300 MB takes the machine's memory, not the services': smaller ones say the same, above every limit.
const OPTIONS = { huge: { bytes: 80 << 20 }, slow: { ms: 1500 }, limited: { retryAfter: 1 } };
// A node that makes up blocks of its own needs others that contradict it.
const LIES = new Set(["forge"]);
const ALL = RpcProxy.faults.filter((name) => !LIES.has(name));

const lying = (names) => async (scene, dice) => {
	scene.expect("UNREACHABLE", "CONFIG");
	for (const name of names(dice)) await scene.liar.set(name, { share: dice.pick([0.2, 0.6, 1]), ...OPTIONS[name] });
	await sleep(dice.between(SPAN_MS / 2, SPAN_MS));
	const { faults } = await scene.liar.stats();
	await scene.liar.clear();
	if (!Object.keys(faults).length) throw new Error("nobody asked anything that could be answered wrongly");
	return scene.recovered(performance.now());
};

export default [
	{
		name: "mixed",
		what: "three of the following at once",
		byDefault: true,
		rounds: 3,
		scene,
		run: lying((dice) => dice.some(ALL, 3)),
	},
	...ALL.map((name) => ({
		name,
		what: `the node's fault "${name}" (rpc-proxy.mjs --help)`,
		rounds: 1,
		scene,
		run: lying(() => [name]),
	})),
];
