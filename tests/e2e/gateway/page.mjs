// The page in a real browser: what the chain does is seen without a reload, in any scheme and width, by keyboard, and
// after the gateway was away.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { until } from "./world.mjs";

const LIVE = "#state[data-state=live]";
const PHONE = { width: 360, height: 740 };
// What is read on the page, and what it stands on.
const TEXTS = ["h1", "h2", "#tip", "#figures dt", "#figures dd", "#state", "#markets [aria-selected=false]", ".rows a", ".rows b", ".rows span", ".rows small", ".rows summary", ".rows details p", ".empty", "footer a", "#services span"];

// Relative luminance and contrast (WCAG 2.2) of every text of these selectors, worst first; run in the page.
function contrasts(selectors) {
	const rgba = (text) => text.match(/[\d.]+/g).map(Number);
	const channel = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
	const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
	const ground = (node) => {
		for (let at = node; at; at = at.parentElement) {
			const color = rgba(getComputedStyle(at).backgroundColor);
			if (color.length < 4 || color[3] === 1) return color;
		}
		return [255, 255, 255];
	};
	return selectors
		.flatMap((selector) => [...document.querySelectorAll(selector)].filter((n) => n.checkVisibility() && n.textContent).map((node) => {
			const [a, b] = [luminance(rgba(getComputedStyle(node).color)), luminance(ground(node))];
			return { selector, ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) };
		}))
		.sort((x, y) => x.ratio - y.ratio);
}

export function pageTests(world) {
	let browser;
	const opened = [];

	// A page that is live; what it complains of is kept in page.complaints.
	async function open(options = {}, hash = "") {
		const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce", ...options });
		const page = await context.newPage();
		page.complaints = [];
		page.on("console", (message) => ["error", "warning"].includes(message.type()) && page.complaints.push(message.text()));
		page.on("pageerror", (error) => page.complaints.push(error.message));
		await page.goto(`${world.a.url}/${hash}`);
		await page.waitForSelector(LIVE);
		opened.push(page);
		return page;
	}

	// The browser itself says that a connection was refused; that is no fault of the page.
	const isOurs = (text) => !/ERR_CONNECTION_REFUSED|status of 503|unexpected response code: 503/i.test(text);
	const row = (page, list, id) => page.locator(`#${list} li[data-key="${id}"]`);
	const figure = async (page, name) => Number(await page.locator("#figures div", { hasText: name }).locator("dd").textContent());

	describe("the page", () => {
		let page;
		before(async () => {
			browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
			page = await open();
		});
		afterEach(() => world.startClock());
		after(() => browser?.close());

		test("shows what the chain has: figures, quotes, open requests, tasks", async () => {
			await world.stopClock();
			const count = async (state) => (await world.api.all(`/v1/requests?state=${state}`, "requests")).length;
			const figures = { "Open requests": "open", "Running tasks": "assigned", "Proofs delivered": "fulfilled", Slashed: "slashed" };
			// The last block may still be on its way to the API: both are asked again.
			for (const [name, state] of Object.entries(figures)) await until(`as many ${state} on the page as in the API`, async () => (await count(state)) === (await figure(page, name)));
			assert.equal(await page.locator("#quotes li").count(), 2);
			const { quotes } = await world.api.get("/v1/markets/1/book");
			assert.deepEqual(await page.locator("#quotes li").evaluateAll((rows) => rows.map((r) => r.dataset.key)), quotes.map((q) => q.generator));
			assert.equal(await page.locator("#services li").count(), 6);
		});

		test("a request appears, becomes a task and is proven before one's eyes; another one waits", async () => {
			const delivered = await figure(page, "Proofs delivered");
			const waits = await world.request("waiting");
			await row(page, "requests", waits).waitFor();
			assert.match(await row(page, "requests", waits).textContent(), /up to 0\.10/);
			await page.evaluate(() => {
				window.seen = [];
				new MutationObserver(() => {
					for (const node of document.querySelectorAll("#tasks li")) window.seen.push(node.dataset.key);
				}).observe(document.querySelector("#tasks"), { childList: true });
			});
			const id = await world.request("proven");
			await row(page, "finished", id).waitFor();
			assert.match(await row(page, "finished", id).textContent(), /fulfilled/);
			assert.match(await row(page, "finished", id).textContent(), /1\.00 KUSD/);
			assert.ok(await page.evaluate((k) => window.seen.includes(k), String(id)), "it was never shown as a task");
			await page.waitForFunction((n) => Number(document.querySelectorAll("#figures dd")[2].textContent) > n, delivered);
		});

		test("why a request waits is told in words to whoever opens it, by key or pointer", async () => {
			const waits = await world.request("waiting");
			const own = await open(); // where the focus is, stays there
			const why = row(own, "requests", waits).locator("details");
			await why.locator("summary").focus();
			await own.keyboard.press("Enter");
			await why.locator("p", { hasText: "Of 2 quotes: 2 cost more." }).waitFor();
			const able = world.person("able").address;
			assert.match(await why.locator("p").textContent(), new RegExp(`With a cap of 1\\.00 KUSD ${able.slice(0, 6)}….... could have it, for 1\\.00 KUSD in 60 s\\.`));
			assert.ok(await why.evaluate((node) => node.open), "it closed again");
		});

		test("an overdue task and a slashed one are said so in words", async () => {
			const id = await world.request("slashed");
			await row(page, "tasks", id).filter({ hasText: "late" }).waitFor();
			await row(page, "finished", id).filter({ hasText: "slashed" }).waitFor();
		});

		test("readable in light and in dark", async () => {
			const grounds = new Set();
			for (const colorScheme of ["light", "dark"]) {
				await page.emulateMedia({ colorScheme });
				grounds.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
				const [worst] = await page.evaluate(contrasts, TEXTS);
				assert.ok(worst.ratio >= 4.5, `${colorScheme}: ${worst.selector} has a contrast of ${worst.ratio.toFixed(2)}`);
			}
			assert.equal(grounds.size, 2);
		});

		test("on a phone nothing has to be scrolled sideways", async () => {
			for (const width of [PHONE.width, 320]) {
				await page.setViewportSize({ ...PHONE, width });
				const [wide, inner, cut] = await page.evaluate(() => [
					document.documentElement.scrollWidth,
					innerWidth,
					[...document.querySelectorAll(".rows li, #figures > div, .card")].filter((n) => n.scrollWidth > n.clientWidth + 1).length,
				]);
				assert.ok(wide <= inner, `${wide} > ${inner}`);
				assert.equal(cut, 0, `${cut} things are cut off at ${width}`);
			}
			await page.setViewportSize({ width: 1280, height: 900 });
		});

		test("by keyboard: past the header, from market to market, to a request and back", async () => {
			await page.evaluate(() => document.activeElement.blur());
			await page.keyboard.press("Tab");
			assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
			await page.locator("#markets [aria-selected=true]").focus();
			await page.keyboard.press("ArrowRight");
			assert.equal(await page.locator("#markets [aria-selected=true]").getAttribute("data-key"), "2");
			assert.equal(await page.evaluate(() => document.activeElement.dataset.key), "2");
			assert.match(page.url(), /#market=2$/);
			await page.keyboard.press("ArrowRight");
			assert.equal(await page.locator("#markets [aria-selected=true]").getAttribute("data-key"), "1");
			const link = page.locator("#finished a").first();
			await link.focus();
			const outline = await link.evaluate((node) => getComputedStyle(node).outlineStyle);
			assert.equal(outline, "solid");
		});

		test("a market's address opens that market", async () => {
			const other = await open({}, "#market=2");
			assert.equal(await other.locator("#markets [aria-selected=true]").getAttribute("data-key"), "2");
			assert.equal(await other.locator("#quotes li").count(), 2);
		});

		test("the gateway goes away: it says so, and goes on where it was when the gateway is back", async () => {
			await world.a.kill();
			await page.waitForSelector("#state[data-state=lost]");
			assert.match(await page.locator("#state").textContent(), /no connection/);
			const unseen = await world.request("waiting");
			await world.startGateway(world.a);
			await page.waitForSelector(LIVE);
			await row(page, "requests", unseen).waitFor();
			const id = await world.request("proven");
			await row(page, "finished", id).waitFor();
		});

		test("blocks that the chain takes back are taken back, and it is said", async () => {
			const id = await world.request("waiting");
			await row(page, "requests", id).waitFor();
			await world.client.request({ method: "anvil_reorg", params: [3, []] });
			await page.locator("#notice", { hasText: "taken back" }).waitFor();
			await row(page, "requests", id).waitFor({ state: "detached" });
			await page.waitForSelector(LIVE);
		});

		test("the browser had nothing to complain of", () => {
			for (const { complaints } of opened) assert.deepEqual(complaints.filter(isOurs), []);
		});
	});
}
