// The bus lies: doorbells that are lost, doubled, late, cut short, altered or forged on their way to one reader or all.
import { BREAKS, TRICKS } from "../bus-proxy.mjs";
import { sleep, until } from "../scene.mjs";

const scene = { wired: true };
const SPAN_MS = 4000;

// Do @tricks to a share of what passes on some of the wires for a few blocks.
const playing = (tricks) => async (scene, dice) => {
	const wires = dice.chance(0.5) ? scene.market.bus : dice.some(scene.market.bus, dice.between(1, 4));
	const share = dice.pick([0.1, 0.5, 1]);
	const dealt = () => wires.reduce((sum, { proxy }) => sum + proxy.dealt, 0);
	const before = dealt();
	for (const { proxy } of wires) proxy.play(tricks, share);
	await sleep(dice.between(SPAN_MS / 2, SPAN_MS));
	if (dealt() === before) throw new Error("nothing passed that could be altered");
	for (const { proxy } of wires) proxy.heal();
	return scene.recovered(performance.now());
};

const WHAT = {
	drop: "doorbells are lost",
	double: "doorbells come twice",
	reorder: "doorbells overtake each other",
	truncate: "doorbells are cut short",
	flip: "bits are flipped",
	retype: "the type is another one",
	oldEpoch: "doorbells of another life of the logs",
	future: "numbers that aren't there yet",
	past: "old doorbells again",
	bomb: "entries that ask for 512 MB, with a right checksum",
};

export default [
	{
		name: "all",
		what: "all of the following, mixed",
		byDefault: true,
		rounds: 3,
		scene,
		run: playing(Object.keys(TRICKS)),
	},
	...Object.keys(TRICKS).map((trick) => ({
		name: trick.toLowerCase(),
		what: WHAT[trick],
		rounds: 3,
		scene,
		run: playing([trick]),
	})),
	...Object.keys(BREAKS).map((name) => ({
		name,
		what: { giant: "a frame that announces 1 GiB", endless: "a frame that announces 2^64 − 1 bytes", nonsense: "random bytes in the stream" }[name],
		rounds: 3,
		scene,
		async run(scene, dice) {
			const wires = dice.some(scene.market.bus, dice.between(1, 4));
			for (const { proxy } of wires) proxy.break(name);
			// Heartbeats pass ten times a second, once the reader is back from the break before.
			await until("every stream to be broken", () => wires.every(({ proxy }) => !proxy.broken));
			for (const { proxy } of wires) proxy.heal();
			return scene.recovered(performance.now());
		},
	})),
];
