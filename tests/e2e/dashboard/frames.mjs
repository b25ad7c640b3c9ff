// How much a page's main thread works for each frame, from Chromium's own trace.

const SLOT_US = 1e6 / 60;

// The milliseconds that the main thread works in each frame, over @ms, in the renderer that draws @page (the busiest one):
// the task that makes the frame, from its timers to what it hands to the compositor, and whatever else runs in the sixtieth
// of a second before it. Processor time and not time: others use this machine, too.
export async function frameWork(browser, page, ms) {
	const session = await browser.newBrowserCDPSession();
	const events = [];
	session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
	const complete = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
	await session.send("Tracing.start", {
		transferMode: "ReportEvents",
		traceConfig: { includedCategories: ["toplevel", "devtools.timeline", "devtools.timeline.frame", "disabled-by-default-devtools.timeline", "__metadata"] },
	});
	await page.waitForTimeout(ms);
	await session.send("Tracing.end");
	await complete;
	await session.detach();
	return busiest(events).map((us) => us / 1000);
}

function busiest(events) {
	const mains = events.filter((e) => e.name === "thread_name" && e.args.name === "CrRendererMain");
	const all = mains.map(({ pid, tid }) => framesOf(events.filter((e) => e.pid === pid && e.tid === tid)));
	return all.sort((a, b) => sum(b) - sum(a))[0] ?? [];
}

const sum = (list) => list.reduce((a, b) => a + b, 0);

function framesOf(events) {
	const commits = events.filter((e) => e.name === "Commit").map((e) => e.ts).sort((a, b) => a - b);
	const nested = events.filter((e) => e.ph === "X" && /RunTask$/.test(e.name) && e.tdur !== undefined).sort((a, b) => a.ts - b.ts || b.dur - a.dur);
	let end = 0;
	const tasks = nested.filter(({ ts, dur }) => ts >= end && (end = ts + dur));
	const frames = [];
	let at = 0;
	for (const [i, { ts, dur }] of tasks.entries()) {
		while (at < commits.length && commits[at] < ts) at++;
		if (at >= commits.length || commits[at] > ts + dur) continue;
		let work = 0;
		for (let k = i; k >= 0 && (k === i || tasks[k].ts >= ts + dur - SLOT_US); k--) work += tasks[k].tdur;
		frames.push(work);
	}
	return frames;
}

export function percentile(list, part) {
	const sorted = [...list].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}
