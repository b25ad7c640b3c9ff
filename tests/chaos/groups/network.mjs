// Wires that are cut, in both directions or one, for shorter or longer than anybody's patience; and readers that are slow.
import { createConnection } from "node:net";
import { randomBytes } from "node:crypto";
import { spawnSync } from "node:child_process";
import { DOWN, UP } from "../link.mjs";
import { sleep } from "../scene.mjs";

const scene = { wired: true };
// Of the 1–300 s of docs/reliability.md what fits a run; CHAOS_CUT_MS=300000 for all of it.
const CUT_MS = [1000, Number(process.env.CHAOS_CUT_MS ?? 8000)];

// Every wire with a name.
function wires({ market }) {
	const links = Object.entries(market.links).flatMap(([kind, byName]) => [...byName].map(([name, link]) => ({ kind, name, link })));
	const bus = market.bus.map(({ reader, writer, proxy }) => ({ kind: "bus", name: `${reader}-${writer}`, link: proxy.link }));
	return [...links, ...bus];
}

const cutting = (kinds, how) => async (scene, dice) => {
	// Whose lease is taken meanwhile ends, and is started again; a Redis or a node that is silent is waited for.
	scene.expect("FENCED", "UNREACHABLE", "HELD");
	const chosen = dice.some(wires(scene).filter(({ kind }) => kinds.includes(kind)), dice.between(1, 3));
	for (const { link } of chosen) how(link, dice);
	await sleep(dice.between(...CUT_MS));
	for (const { link } of chosen) link.heal();
	return scene.recovered(performance.now());
};

const both = (link) => link.cut();
const oneWay = (link, dice) => link.cut(dice.pick([UP, DOWN]));
const pull = (link) => link.pull();
const slow = (link, dice) => (link.delayMs = dice.between(20, 400));

export default [
	{
		name: "cut",
		what: "one to three wires of any kind are cut, silently",
		byDefault: true,
		rounds: 2,
		scene,
		run: cutting(["redis", "rpc", "ws", "bus"], both),
	},
	{ name: "cut-redis", what: "between services and Redis", rounds: 3, scene, run: cutting(["redis"], both) },
	{ name: "cut-node", what: "between services and the node", rounds: 3, scene, run: cutting(["rpc", "ws"], both) },
	{ name: "cut-bus", what: "between services", rounds: 3, scene, run: cutting(["bus"], both) },
	{ name: "one-way", what: "in one direction only", rounds: 4, scene, run: cutting(["redis", "rpc", "ws", "bus"], oneWay) },
	{ name: "pulled", what: "connections are reset and refused", rounds: 4, scene, run: cutting(["redis", "rpc", "ws", "bus"], pull) },
	{ name: "slow", what: "20 to 400 ms later", rounds: 3, scene, run: cutting(["redis", "rpc", "ws", "bus"], slow) },
	{
		name: "blips",
		what: "every connection of every wire is dropped, again and again",
		rounds: 3,
		scene,
		async run(scene, dice) {
			scene.expect("FENCED", "UNREACHABLE");
			for (let n = dice.between(3, 8); n > 0; n--) {
				for (const { link } of wires(scene)) link.drop();
				await sleep(dice.between(10, 600));
			}
			return scene.recovered(performance.now());
		},
	},
	{
		name: "loss",
		what: "3 % of all packets on the loopback of an own network namespace are lost (iptables)",
		rounds: 1,
		scene: { wired: true, lossy: true },
		unless() {
			if (spawnSync("iptables", ["--version"]).status !== 0) return "iptables isn't there";
			return process.env.KALYPSO_OWN_NET ? undefined : "it needs a network of its own: unshare --net sh -c 'ip link set lo up; KALYPSO_OWN_NET=1 make chaos FAULT=network/loss'";
		},
		async run(scene, dice) {
			scene.expect("FENCED", "UNREACHABLE", "HELD");
			const rule = (how) => ["iptables", how, "INPUT", "-i", "lo", "-m", "statistic", "--mode", "random", "--probability", "0.03", "-j", "DROP"];
			const said = spawnSync("env", rule("-A"));
			if (said.status !== 0) throw new Error(String(said.stderr));
			try {
				await sleep(dice.between(5000, 10_000));
			} finally {
				spawnSync("env", rule("-D"));
			}
			return scene.recovered(performance.now());
		},
	},
	{
		name: "slow-consumer",
		what: "clients of the feed that never read, while the market works",
		rounds: 1,
		scene,
		async run(scene) {
			const { hostname, port } = new URL(scene.gateway);
			const key = randomBytes(16).toString("base64");
			const hello = `GET /v1/feed HTTP/1.1\r\nHost: ${hostname}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
			const text = Buffer.from(JSON.stringify({ op: "subscribe", from: { chain: 0, book: 0, match: 0, task: 0, slash: 0 } }));
			// A client's frame is masked; with a mask of zeros its bytes are what they are.
			const frame = Buffer.concat([Buffer.from([0x81, 0x80 | 126, text.length >> 8, text.length & 255, 0, 0, 0, 0]), text]);
			const sockets = Array.from({ length: 50 }, () => {
				const socket = createConnection({ host: hostname, port });
				socket.on("error", () => {});
				socket.write(hello);
				socket.write(frame);
				socket.pause();
				return socket;
			});
			await scene.blocks(5);
			const ms = await scene.recovered(performance.now());
			for (const socket of sockets) socket.destroy();
			return ms;
		},
	},
];
