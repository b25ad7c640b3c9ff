// A receiver of webhooks: node receiver.mjs PORT SECRET
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const [port, secret] = process.argv.slice(2);
const webhook = new Webhook(secret);
const dealtWith = new Set(); // keep it where it survives you

createServer(async (request, response) => {
	const chunks = [];
	for await (const chunk of request) chunks.push(chunk);
	let message;
	try {
		message = webhook.verify(Buffer.concat(chunks).toString(), request.headers);
	} catch {
		return response.writeHead(401).end();
	}
	if (message.type === "webhook.challenge") return response.end(message.data.challenge);
	if (!dealtWith.has(message.id)) console.log(message.sequence, message.type, message.data.request_id ?? "");
	dealtWith.add(message.id);
	response.end();
}).listen(Number(port), "127.0.0.1");
