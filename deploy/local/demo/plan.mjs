// What the demo asks for: which markets, caps and preferences, and what should become of each request.
import { randomBytes } from "node:crypto";

const CIRCUITS = ["range-preimage", "rollup-batch"];
const SOON_S = 10; // expiry of the request that nobody takes
const LATER_S = 3600;

// Caps in tokens and seconds. Each leaves some generators out: see GENERATORS in market.mjs.
const KINDS = [
	{ preference: "cheapest", maxPrice: "4", maxTime: 120, leavesOut: "nobody" },
	{ preference: "fastest", maxPrice: "4", maxTime: 120, leavesOut: "nobody" },
	{ preference: "cheapest", maxPrice: "4", maxTime: 45, leavesOut: "thrifty, too slow" },
	{ preference: "fastest", maxPrice: "2.2", maxTime: 120, leavesOut: "swift, too dear" },
];
const HOPELESS = { preference: "cheapest", maxPrice: "0.01", maxTime: 120, leavesOut: "everybody, too dear" };

// The generators' code for inputs, loaded once per circuit.
const makers = await Promise.all(CIRCUITS.map((name) => import(`../circuits/${name}/inputs.mjs`)));

// A list of {circuit, preference, maxPrice, maxTime, expiresIn, inputs, want}: want is what has to become of it,
// "served" being fulfilled or slashed, depending on whom it lands on.
export function makePlan(count) {
	const plan = [];
	for (let i = 0; plan.length < count; i++) {
		const few = count < 4; // in the market that nobody is silent in
		const which = few ? 1 : i % CIRCUITS.length;
		const kind = KINDS[Math.floor(i / CIRCUITS.length) % KINDS.length];
		const inputs = `0x${makers[which].fresh(randomBytes).toString("hex")}`;
		plan.push({ circuit: CIRCUITS[which], ...kind, expiresIn: LATER_S, inputs, want: "served" });
	}
	// Two that don't end in a proof, early, so that they are over when the others are.
	if (count >= 4) Object.assign(plan[2], HOPELESS, { want: "cancelled" });
	if (count >= 6) Object.assign(plan[4], HOPELESS, { expiresIn: SOON_S, want: "expired" });
	return plan;
}
