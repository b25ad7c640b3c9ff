// A real browser for the dashboard's tests: pages that remember what they complained of, and what axe-core says of them.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

export const DESK = { width: 1280, height: 900 };
export const PHONE = { width: 360, height: 740 };
export const LIVE = "#state[data-state=live]";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
// The browser itself says that a connection was refused; that is no fault of the page.
const isOurs = (text) => !/ERR_CONNECTION_REFUSED|ERR_FAILED|status of (404|503)|unexpected response code: 503/i.test(text);

export class Browser {
	static async launch() {
		const browser = new Browser();
		browser.chromium = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
		browser.pages = [];
		return browser;
	}

	close() {
		return this.chromium?.close();
	}

	// A page at @url; what it complains of is kept.
	async open(url, { live = true, ...options } = {}) {
		const context = await this.chromium.newContext({ viewport: DESK, reducedMotion: "reduce", ...options });
		const page = await context.newPage();
		page.setDefaultTimeout(60_000);
		page.complaints = [];
		page.on("console", (message) => ["error", "warning"].includes(message.type()) && page.complaints.push(message.text()));
		page.on("pageerror", (error) => page.complaints.push(error.stack));
		this.pages.push(page);
		await page.goto(url);
		if (live) await page.waitForSelector(LIVE);
		return page;
	}

	complaints() {
		return this.pages.flatMap(({ complaints }) => complaints.filter(isOurs));
	}
}

// Go to another view of the same page, as a link does.
export async function go(page, hash) {
	await page.evaluate((to) => (location.hash = to), hash);
	await settled(page);
}

// Nothing is still being asked for.
export function settled(page) {
	return page.waitForFunction(() => document.querySelector(".view") && !document.querySelector("[aria-busy=true]"));
}

// What axe-core finds: all of its rules, best practices too.
export async function violations(page) {
	await page.evaluate(AXE);
	const found = await page.evaluate(async () => (await axe.run(document, { resultTypes: ["violations"] })).violations);
	return found.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
}
