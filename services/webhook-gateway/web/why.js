// Why a request waits, in words for whoever asked for the proof. Pure.
import { seconds, short } from "./format.js";

const BARS = {
	expired: "It has expired: its cap is about to be refunded.",
	suspended: "The logs contradict themselves about it: it waits until a person has looked.",
	market_closed: "Its market is closed: cancel it to have the cap back.",
	market_suspended: "The logs contradict themselves about its market: it waits until a person has looked.",
	protocol: "Its market isn't matched by price and time.",
};

// Of one quote, and of several.
export const MISSES = {
	price: ["costs more", "cost more"],
	time: ["takes longer", "take longer"],
	compute: ["is busy", "are busy"],
	stake: ["is short of stake", "are short of stake"],
	task_limit: ["has as many tasks as it may", "have as many tasks as they may"],
	draining: ["is leaving", "are leaving"],
	no_key: ["has no key", "have no key"],
	cooling: ["was refused by the chain and rests", "were refused by the chain and rest"],
	spread: ["proves another one of the same group", "prove another one of the same group"],
};

function near(miss, cap, paid) {
	if (!miss?.alone) return "";
	return ` With a cap of ${cap} ${short(miss.generator)} could have it, for ${paid(BigInt(miss.price))} in ${seconds(miss.response_time)}.`;
}

const ENDS = {
	fulfilled: "It was proven in time.",
	slashed: "No proof came in time.",
	invalid: "Its inputs were attested to be unprovable.",
	assigned: "It is being proven.",
};

// Of one that has, or had, a task.
function served({ state, match, task, preference }, paid) {
	if (!match) return `It was assigned to ${short(task.generator)} by somebody else than the engine. ${ENDS[state] ?? ""}`;
	const { generator, price, response_time, block } = match;
	return `${short(generator)} got it, for ${paid(BigInt(price))} in ${seconds(response_time)}: of the quotes that could take it in block ${block.number} none was ${preference === "fastest" ? "quicker" : "cheaper"}. ${ENDS[state] ?? ""}`;
}

// @why is what the API says, @paid writes an amount.
export function whyText(why, paid) {
	const { state, waits, match, task } = why;
	if (task) return served(why, paid);
	if (state === "matched") return `It goes to ${short(match.generator)}, for ${paid(BigInt(match.price))}: once the chain accepts that, it is a task.`;
	if (!waits) return `It doesn't wait any more: it is ${state}.`;
	if (waits.bar) return BARS[waits.bar] ?? "Something keeps it from every quote.";
	if (!waits.quotes) return "Nobody quotes in this market yet.";
	const parts = Object.entries(MISSES)
		.map(([name, words]) => [waits.misses[name], words])
		.filter(([n]) => n > 0)
		.map(([n, [one, many]]) => `${n} ${n === 1 ? one : many}`);
	const { price, time } = waits.nearest;
	return (
		`Of ${waits.quotes} ${waits.quotes === 1 ? "quote" : "quotes"}: ${parts.join(", ")}.` +
		near(price, price && paid(BigInt(price.price)), paid) +
		near(time, time && seconds(time.response_time), paid)
	);
}
