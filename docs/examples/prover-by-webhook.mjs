// Proves what a webhook tells of, and puts the proofs on the chain: node prover-by-webhook.mjs PORT FOLDER PROVER RPC CONTRACT
// The webhook's secret and the generator's key come as WEBHOOK_SECRET and GENERATOR_KEY; tasks wait in FOLDER until they are done.
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { createWalletClient, http, parseAbi, publicActions, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";

const [port, folder, prover, rpc, contract] = process.argv.slice(2);
const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const account = privateKeyToAccount(process.env.GENERATOR_KEY);
const chain = createWalletClient({ account, transport: http(rpc) }).extend(publicActions);
const abi = parseAbi(["function submitProof(uint256 requestId, bytes inputs, bytes proof)"]);

// A 2xx says that the task is ours to remember: it is on disk before we give it. The same message again is the same file.
function keep({ id, data }) {
	writeFileSync(join(folder, "new"), JSON.stringify(data), { flush: true });
	renameSync(join(folder, "new"), join(folder, `${id}.json`));
}

async function prove({ request_id, deadline, payload }) {
	const headers = { "content-type": "application/json", "x-kalypso-request-id": request_id, "x-kalypso-deadline": String(Date.parse(deadline) / 1000) };
	const answer = await fetch(`${prover}/api/generateProof`, { method: "POST", headers, body: JSON.stringify(payload) });
	if (!answer.ok) throw new Error(`the prover answered ${answer.status}: ${await answer.text()}`);
	const { proof } = await answer.json();
	const args = [BigInt(request_id), payload.public, typeof proof === "string" ? proof : toHex(Uint8Array.from(proof))];
	const { request } = await chain.simulateContract({ address: contract, abi, functionName: "submitProof", args, account, chain: null });
	const { status, transactionHash } = await chain.waitForTransactionReceipt({ hash: await chain.writeContract(request) });
	console.log(`request ${request_id}: ${status} in ${transactionHash}`);
}

// One after the other, again until the deadline: a prover that was down is no reason to lose the stake.
async function work() {
	for (const file of readdirSync(folder).filter((name) => name.endsWith(".json")).sort()) {
		const task = JSON.parse(readFileSync(join(folder, file), "utf8"));
		const late = Date.now() > Date.parse(task.deadline);
		const done = late || (await prove(task).then(() => true, (e) => console.error(`request ${task.request_id}: ${e.message}`)));
		if (done) rmSync(join(folder, file));
	}
}

mkdirSync(folder, { recursive: true });
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
	if (message.type === "task.assigned" && message.data.payload) keep(message);
	response.end();
}).listen(Number(port), "127.0.0.1");
for (;;) {
	await work();
	await sleep(200);
}
