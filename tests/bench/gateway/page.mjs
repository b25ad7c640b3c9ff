// What a browser loads for the dashboard, and what axe-core says of its views.
import { Browser, go, settled, violations } from "../../e2e/dashboard/browser.mjs";

const VIEWS = ["#/", "#/request/1", "#/generators", "#/slashes", "#/chain", "#/health"];

// {kib: all files of the page, as they came over the wire; data is not among them, violations: texts}
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
		const found = [];
		for (const view of VIEWS) {
			await go(page, view);
			await settled(page);
			found.push(...(await violations(page)).map((text) => `${view}: ${text}`));
		}
		return { kib: bytes / 1024, violations: found };
	} finally {
		await browser.close();
	}
}
