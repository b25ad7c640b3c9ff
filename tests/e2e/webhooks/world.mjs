// What the webhooks' tests share: a market, gateways that deliver, and calls of their API.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { freePort } from "../../../deploy/local/processes.mjs";
import { World as Base, until } from "../world.mjs";
import { checkAnswer } from "./description.mjs";
import { Receiver } from "./receiver.mjs";

const ENGINE = ["chain-indexer", "orderbook", "matcher", "task-publisher", "slasher-watcher"];

export { until };

export class World {
	token = randomBytes(16).toString("hex"); // the operator's
	receivers = [];

	async start(options = {}) {
		this.base = await Base.start({ services: ENGINE, listeners: false, ...options });
		this.a = await this.addGateway("a");
		this.b = await this.addGateway("b");
		return this;
	}

	async stop() {
		for (const receiver of this.receivers) await receiver.close();
		await this.base?.stop();
	}

	async addGateway(instance, args = []) {
		const { market } = this.base;
		const port = await freePort();
		const service = market.makeService("webhook-gateway", {
			instance,
			args: [`--listen-port=${port}`, "--web-dir=", "--webhook-open=false", "--webhook-allow=127.0.0.1/32", "--webhook-retries=1,1,1,1", "--rate-limit=0", ...args],
			env: { KALYPSO_WEBHOOK_TOKEN: this.token },
		});
		service.name = `gateway-${instance}`;
		service.log = join(market.folder, "logs", `${service.name}.log`);
		service.url = `http://127.0.0.1:${port}`;
		market.add(service);
		service.start();
		await service.ready(() => service.isReady());
		return service;
	}

	async receiver() {
		const receiver = await new Receiver().listen();
		this.receivers.push(receiver);
		return receiver;
	}

	// A call; {status, json, headers}.
	async call(method, path, { body, token, gateway = this.a, key } = {}) {
		const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(key && { "idempotency-key": key }) };
		const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
		const answer = await fetch(`${gateway.url}/v1/webhooks${path}`, { method, headers, body: text, signal: AbortSignal.timeout(20_000) });
		const said = await answer.text();
		const all = { status: answer.status, headers: answer.headers, json: said ? JSON.parse(said) : undefined };
		checkAnswer(method, path, all);
		return all;
	}

	// Register @receiver and wait until it has answered the challenge.
	async register(receiver, body = {}, { active = true } = {}) {
		const { status, json } = await this.call("POST", "", { token: this.token, body: { url: receiver.url, ...body } });
		assert.equal(status, 201, JSON.stringify(json));
		const hook = { ...json.webhook, token: json.token, secret: json.secret, publicKey: json.public_key };
		hook.get = async (options) => (await this.call("GET", `/${hook.id}`, { token: hook.token, ...options })).json.webhook;
		hook.post = (what, body) => this.call("POST", `/${hook.id}/${what}`, { token: hook.token, body });
		hook.attempts = async (limit = 1000) => (await this.call("GET", `/${hook.id}/attempts?limit=${limit}`, { token: hook.token })).json.attempts;
		hook.untilState = (state) => until(`${hook.id} to be ${state}`, async () => (await hook.get()).state === state);
		// For one that wasn't there yet when it was registered.
		hook.activate = async () => {
			assert.equal((await hook.post("enable")).status, 202);
			await hook.untilState("active");
		};
		receiver.secret ??= body.signatures?.includes("v1") === false ? undefined : hook.secret;
		if (active) await hook.untilState("active");
		return hook;
	}
}
