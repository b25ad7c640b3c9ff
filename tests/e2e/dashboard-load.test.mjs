// The dashboard on a busy market: ten thousand open requests, two hundred events a second, and a main thread that hardly
// notices. The market is a stand-in (dashboard/standin.mjs), since as many requests on a chain would take an hour; the forms
// it speaks are held against the gateway's description here.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Browser, go } from "./dashboard/browser.mjs";
import { frameWork, percentile } from "./dashboard/frames.mjs";
import { Standin } from "./dashboard/standin.mjs";
import { Api, Feed } from "./gateway/client.mjs";
import { until } from "./world.mjs";

const OPEN = 10_000;
const EVENTS_PER_S = 200;
// What it is meant to be is 10 ms, and docs/dashboard.md has what it was. A busy machine isn't a mistake: what fails here is work
// that grows with the market, which is hundreds of milliseconds.
const WORK_MS = 60;
const MEASURED_MS = 5000;

describe("the dashboard of a busy market", () => {
	let standin, browser, page;

	before(async () => {
		[standin, browser] = await Promise.all([Standin.start({ open: OPEN }), Browser.launch()]);
		page = await browser.open(`${standin.url}/`, { reducedMotion: "no-preference" });
	});
	after(async () => {
		await browser?.close();
		standin?.stop();
	});

	const rows = (list) => page.locator(`#${list} .scroll .row`);
	const counted = (list) => page.locator(`#${list} [role=table]`).getAttribute("aria-rowcount").then((n) => Number(n) - 1);

	test("the stand-in speaks as the gateway does", async () => {
		const api = new Api(standin.url);
		for (const path of ["/v1/chain", "/v1/markets", "/v1/generators", "/v1/requests?state=open&limit=1000", "/v1/requests?state=assigned", "/v1/stats?market=1", "/v1/status"]) await api.get(path);
		const feed = await new Feed(standin.url).open();
		await feed.subscribe({ logs: ["chain", "book", "match"] });
		const types = ["request_opened", "request_closed", "task_started", "task_ended", "match_made", "request_created", "request_cancelled", "task_created", "proof_submitted"];
		await feed.until("every kind of entry", () => types.every((type) => feed.entries.some(({ entry }) => entry.type === type)));
		await feed.end();
	});

	test("what is shown is what there is", async () => {
		await until("as many open as there are", async () => Math.abs((await counted("requests")) - standin.open.size) < 20);
		assert.ok((await counted("requests")) > OPEN * 0.9);
		await until("the counts", async () => Math.abs((await counted("tasks")) - standin.tasks.size) < 20);
		assert.equal(await counted("quotes"), standin.quotes.length);
	});

	test("only rows in view exist; the oldest is there when one scrolls to it", async () => {
		assert.ok((await rows("requests").count()) < 40, `${await rows("requests").count()} rows`);
		await page.locator("#requests .scroll").evaluate((node) => (node.scrollTop = node.scrollHeight));
		await until("the oldest", async () => {
			const [oldest] = standin.open.keys();
			return (await page.locator(`#requests a[href="#/request/${oldest}"]`).count()) === 1;
		});
		assert.ok((await rows("requests").count()) < 40);
		await page.locator("#requests .scroll").evaluate((node) => (node.scrollTop = 0));
	});

	test("who looks at a row keeps it under his eyes while others come above it", async () => {
		await page.locator("#requests .scroll").evaluate((node) => {
			node.scrollIntoView();
			scrollBy(0, -100); // from under the header
			node.scrollTop = node.scrollHeight / 2;
		});
		const first = () => page.evaluate(() => {
			const box = document.querySelector("#requests .scroll").getBoundingClientRect();
			return document.elementFromPoint(box.left + 60, box.top + 60).closest(".row").dataset.key;
		});
		await page.waitForTimeout(100);
		const key = await first();
		const seen = Number(await page.locator(`#requests [data-key="${key}"]`).getAttribute("aria-rowindex"));
		await until("some to come above it", async () => {
			const now = await page.locator(`#requests [data-key="${key}"]`).getAttribute("aria-rowindex", { timeout: 1000 }).catch(() => null);
			return now === null || Number(now) > seen + 5;
		});
		const after = await first();
		assert.ok(after === key || !standin.open.has(key), `${key} became ${after}`);
		await page.locator("#requests .scroll").evaluate((node) => (node.scrollTop = 0));
	});

	for (const [name, hash] of Object.entries({ "the book": "#/market/1", generators: "#/generators", chain: "#/chain" }))
		test(`${name}: a frame has little work (p95) while ${EVENTS_PER_S} events a second come`, async () => {
			await go(page, hash);
			await page.waitForTimeout(1000); // what a view costs to open isn't what it costs to look at
			const figures = await measure(name);
			console.log(JSON.stringify(figures));
			assert.ok(figures.p95_ms <= WORK_MS, `p95 is ${figures.p95_ms} ms`);
		});

	async function measure(view) {
		const [began, at] = [standin.events, Date.now()];
		const frames = await frameWork(browser.chromium, page, MEASURED_MS);
		const rate = ((standin.events - began) * 1000) / (Date.now() - at);
		assert.ok(rate >= 0.5 * EVENTS_PER_S, `only ${rate} events a second`);
		assert.ok(frames.length > 10 && percentile(frames, 0.5) > 0, `only ${frames.length} frames`);
		const of = (part) => Number(percentile(frames, part).toFixed(2));
		return { view, frames: frames.length, p50_ms: of(0.5), p95_ms: of(0.95), max_ms: of(1), events_per_s: Math.round(rate) };
	}

	test("nothing was complained of", () => assert.deepEqual(browser.complaints(), []));
});
