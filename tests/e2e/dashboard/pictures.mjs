#!/usr/bin/env node
// The pictures of docs/dashboard.md, taken of a market that is up (make up) and has something to show.
//
//	node tests/e2e/dashboard/pictures.mjs http://127.0.0.1:PORT
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../../../deploy/local/chain.mjs";
import { Browser, DESK, PHONE, settled } from "./browser.mjs";
import { withPalette } from "./palette.mjs";

const BYTES_MAX = 150 * 1024;
const FOLDER = join(ROOT, "docs/images");

const { positionals } = parseArgs({ allowPositionals: true });
if (positionals.length !== 1) throw new Error("usage: pictures.mjs URL-OF-THE-GATEWAY");
const [url] = positionals;
const ask = async (path) => (await fetch(new URL(path, url))).json();
const newest = async (path, key) => (await ask(path))[key][0];

const waits = await newest("/v1/requests?state=open&market=1&limit=1", "requests");
const proven = await newest("/v1/tasks?state=fulfilled&limit=1", "tasks");
if (!waits || !proven) throw new Error("nothing waits, or nothing has been proven yet: place some requests first");

const PICTURES = [
	{ name: "page", hash: "#/market/1", viewport: { ...DESK, height: 1080 } },
	{ name: "dashboard-dark", hash: "#/market/1", colorScheme: "dark" },
	{ name: "dashboard-why", hash: `#/request/${waits.request_id}` },
	{ name: "dashboard-request", hash: `#/request/${proven.request_id}`, colorScheme: "dark", viewport: { ...DESK, height: 1180 } },
	{ name: "dashboard-generator", hash: `#/generator/${proven.generator}` },
	{ name: "dashboard-slashes", hash: "#/slashes", viewport: { ...DESK, height: 480 } },
	{ name: "dashboard-chain", hash: "#/chain" },
	{ name: "dashboard-health", hash: "#/health", viewport: { ...DESK, height: 720 } },
	{ name: "dashboard-phone", hash: "#/market/1", viewport: PHONE, deviceScaleFactor: 2 },
];

const browser = await Browser.launch();
const blank = await browser.open("about:blank", { live: false });
for (const { name, hash, ...options } of PICTURES) {
	const page = await browser.open(`${url}/${hash}`, options);
	await settled(page);
	if (await page.locator(".chart").count()) await page.locator(".uplot canvas").first().waitFor();
	const png = await withPalette(blank, await page.screenshot());
	await page.context().close();
	console.log(`${name}.png ${(png.length / 1024).toFixed(0)} KiB`);
	if (png.length > BYTES_MAX) throw new Error(`${name}.png has ${png.length} bytes`);
	writeFileSync(join(FOLDER, `${name}.png`), png);
}
await browser.close();
