// What a browser loads for the dashboard, and what axe-core says of its views.
import { Browser, go, settled, violations } from "../../e2e/dashboard/browser.mjs";

// Loaded when a market has its first task; this one has none.
const CHARTS = ["/vendor/uPlot.iife.min.js", "/vendor/uPlot.min.css"];
const VIEWS = ["#/", "#/request/1", "#/generators", "#/slashes", "#/chain", "#/health"];

// {kib: the files for the first view, as they came over the wire, without data; violations: texts}
export async function measurePage(url) {
	const browser = await Browser.launch();
	try {
		const page = await browser.open("about:blank", { live: false });
		const session = await page.context().newCDPSession(page);
		const urls = new Map();
		let bytes = 0;
		await session.send("Network.enable");
		session.on("Network.requestWillBeSent", ({ requestId, request }) => urls.set(requestId, new URL(request.url).pathname));
		session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
			if (!urls.get(requestId)?.startsWith("/v1/")) bytes += encodedDataLength;
		});
		await page.goto(url);
		await settled(page);
		await page.evaluate((paths) => Promise.all(paths.map(async (path) => (await fetch(path)).blob())), CHARTS);
		const kib = bytes / 1024;
		const found = [];
		for (const view of VIEWS) {
			await go(page, view);
			await settled(page);
			found.push(...(await violations(page)).map((text) => `${view}: ${text}`));
		}
		return { kib, violations: found };
	} finally {
		await browser.close();
	}
}
