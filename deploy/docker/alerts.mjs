#!/usr/bin/env node
// Where alerts of the market in docker-compose.yml end: a webhook that writes a line for each, the gravest in capitals.
// A pager of your own takes its place in deploy/monitoring/alertmanager.yml.
import { createServer } from "node:http";

const PORT = 9095;
const MAX_BYTES = 1 << 20;

const line = (path, { status, labels, annotations, startsAt }) =>
	[
		path === "/pager" ? status.toUpperCase() : status,
		labels.alertname,
		labels.service,
		`since ${startsAt}:`,
		annotations.summary,
		`(${annotations.runbook_url})`,
	].filter(Boolean).join(" ");

async function bodyOf(request) {
	let text = "";
	for await (const part of request.setEncoding("utf8")) {
		text += part;
		if (text.length > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
	}
	return text;
}

const server = createServer(async (request, response) => {
	try {
		for (const alert of JSON.parse(await bodyOf(request)).alerts) console.log(`alerts: ${line(request.url, alert)}`);
		response.end();
	} catch (error) {
		console.error(`alerts: no notification of Alertmanager's: ${error.message}`);
		response.writeHead(400).end();
	}
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
server.listen(PORT, "127.0.0.1", () => console.log(`alerts: waiting for Alertmanager at 127.0.0.1:${PORT}`));
