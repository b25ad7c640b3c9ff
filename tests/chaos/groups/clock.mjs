// Wall clocks that are wrong: by an hour or a year, otherwise in each service, or jumping while it runs.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "../../../deploy/local/chain.mjs";
import { SERVICES } from "../scene.mjs";
import { compiles } from "../tools.mjs";

const [HOUR, YEAR] = [3600, 31_536_000];

function build(scene) {
	const library = join(scene.world.folder, "clock.so");
	const made = spawnSync("gcc", ["-shared", "-fPIC", "-O2", "-o", library, join(ROOT, "tests/chaos/clock.c")]);
	if (made.status !== 0) throw new Error(String(made.stderr));
	return library;
}

// Start every service again with a clock that is wrong by what seconds(name) says; 0: right.
async function restart(scene, library, seconds) {
	for (const name of SERVICES) {
		const { env } = scene.service(name);
		delete env.LD_PRELOAD;
		const wrong = seconds(name);
		if (!wrong) continue;
		Object.assign(env, { LD_PRELOAD: library, KALYPSO_CLOCK_S: String(wrong) });
		if (env.ASAN_OPTIONS !== undefined) env.ASAN_OPTIONS += ":verify_asan_link_order=0";
	}
	return scene.kill(...SERVICES);
}

const wrongBy = (choose) => ({
	rounds: 1,
	unless: compiles,
	begin: build,
	async run(scene, dice, { state }) {
		await restart(scene, state, choose(dice));
		await scene.blocks(5); // slashes and refunds among them
		return scene.recovered(performance.now());
	},
	end: (scene, library) => restart(scene, library, () => 0),
});

export default [
	{
		name: "different",
		what: "another error in each service, up to a year in both directions",
		byDefault: true,
		...wrongBy((dice) => () => dice.pick([-YEAR, -HOUR, 0, HOUR, YEAR])),
	},
	{ name: "hour", what: "all clocks are wrong by an hour", ...wrongBy((dice) => ((s) => () => s)(dice.pick([-HOUR, HOUR]))) },
	{ name: "year", what: "all clocks are wrong by a year", ...wrongBy((dice) => ((s) => () => s)(dice.pick([-YEAR, YEAR]))) },
];
