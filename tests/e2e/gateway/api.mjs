// Every path of the API, against what the chain says.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { before, describe, test } from "node:test";
import { formatUnits, keccak256 } from "viem";
import { Api, LOGS, NOT_ROUTES, openapi, templateOf } from "./client.mjs";
import { until } from "./world.mjs";

const iso = (seconds) => new Date(Number(seconds) * 1000).toISOString().replace(".000Z", "Z");
const PARAMETER_OF = { market_id: "1", request_id: "1" };

export function apiTests(world) {
	const api = () => world.api;
	const ids = {};

	const eventsOf = (name, id) => world.chain.events("ProofMarketplace", name, { args: { requestId: id } });
	const block = async (number) => world.client.getBlock({ blockNumber: number });

	// What the API has to say of where and when an event happened.
	async function eventOf({ blockNumber, logIndex, transactionHash }) {
		return { block: String(blockNumber), index: logIndex, time: iso((await block(blockNumber)).timestamp), tx: transactionHash };
	}

	describe("the API", () => {
		before(async () => {
			await world.base.service("slasher-watcher").stop();
			for (const kind of ["slashed", "proven", "running", "waiting", "expiring", "waiting"]) (ids[kind] ??= []).push(await world.request(kind));
			ids.proven.push(await world.base.request({ circuit: "rollup-batch", maxPrice: "1.5", maxTime: 1000, preference: "fastest", spread: 3n }));
			ids.cancelled = [await world.request("waiting")];
			await world.chain.send(world.market.requester, "ProofMarketplace", "cancelRequest", [ids.cancelled[0]]);
			for (const id of ids.proven) await world.base.until("ProofSubmitted", id);
		});

		test("a task whose deadline has passed is overdue, until it is slashed", async () => {
			const [id] = ids.slashed;
			const overdue = await until("an overdue task", async () => (await api().get("/v1/tasks?state=overdue")).tasks[0]);
			assert.equal(overdue.request_id, String(id));
			assert.equal(overdue.state, "running");
			const { as_of } = await api().get("/v1/chain");
			assert.ok(as_of.time > overdue.deadline);
			const { generator } = await api().get(`/v1/generators/${overdue.generator}`);
			assert.equal(generator.record.overdue, 1);
			await world.market.restart("slasher-watcher");
			await world.base.until("TaskSlashed", id);
			await world.base.until("RequestCancelled", ids.expiring[0]);
		});

		test("the chain is the node's", async () => {
			const as_of = await world.stopClock();
			const chain = await api().get("/v1/chain");
			const { addresses } = world.chain;
			const tip = await world.client.getBlock();
			const genesis = await block(0n);
			assert.equal(chain.chain_id, String(await world.client.getChainId()));
			assert.equal(chain.genesis, genesis.hash);
			assert.deepEqual(chain.contracts, {
				marketplace: addresses.ProofMarketplace,
				registry: addresses.GeneratorRegistry,
				keys: addresses.EntityKeyRegistry,
			});
			assert.deepEqual(chain.tip, { number: String(tip.number), hash: tip.hash, time: iso(tip.timestamp) });
			assert.deepEqual(as_of, { block: chain.tip.number, hash: tip.hash, time: chain.tip.time, seq: chain.logs.book.seq });
			assert.equal(chain.base_fee, String(tip.baseFeePerGas));
			for (const [key, name] of [["payment", "PaymentToken"], ["stake", "StakeToken"]])
				assert.equal(chain.tokens[key].decimals, await world.chain.read(name, "decimals"));
			assert.deepEqual(chain.lag, { book: 0, match: 0 });
			assert.equal(chain.unreadable_events, 0);
			assert.deepEqual(chain.rollbacks, { count: 0, last: null });
			assert.equal(chain.rule.match_lifetime, world.market.matchLifetime);
		});

		test("markets are those of the contract", async () => {
			const markets = await api().all("/v1/markets", "markets");
			assert.equal(BigInt(markets.length), await world.chain.read("ProofMarketplace", "marketCount"));
			const requests = await api().all("/v1/requests", "requests");
			for (const m of markets) {
				const id = BigInt(m.market_id);
				const view = await world.chain.read("ProofMarketplace", "marketOf", [id]);
				const [created] = await world.chain.events("ProofMarketplace", "MarketCreated", { args: { marketId: id } });
				assert.equal(m.owner, view.owner);
				assert.equal(m.verifier, view.verifier);
				assert.equal(m.penalty, String(view.penalty));
				assert.equal(m.max_input_bytes, view.maxInputBytes);
				assert.equal(m.active_from, iso(view.activeFrom));
				assert.equal(m.closed, view.closed);
				assert.equal(m.confidential, view.confidential);
				assert.deepEqual(m.created, await eventOf(created));
				assert.deepEqual(m.metadata, world.market.markets.find((k) => k.id === id).meta.metadata);
				assert.equal(m.quotes, 2);
				for (const [state, n] of Object.entries(m.requests))
					assert.equal(n, requests.filter((r) => r.market_id === m.market_id && r.state === state).length, state);
				assert.deepEqual((await api().get(`/v1/markets/${id}`)).market, m);
			}
		});

		test("generators and quotes are those of the registry, their record is what happened", async () => {
			const generators = await api().all("/v1/generators", "generators");
			assert.deepEqual(
				generators.map((g) => g.generator.toLowerCase()),
				world.market.people.map((p) => p.address.toLowerCase()).sort(),
			);
			for (const g of generators) {
				const [reward, stake, locked, unstaking, compute, used] = await world.chain.read("GeneratorRegistry", "generatorOf", [g.generator]);
				assert.deepEqual(
					[g.reward_address, g.stake, g.locked, g.unstaking, g.compute, g.used_compute],
					[reward, ...[stake, locked, unstaking, compute, used].map(String)],
				);
				const mine = async (name) => (await world.chain.events("ProofMarketplace", name)).filter(({ args }) => args.generator === g.generator);
				const [proofs, slashes, tasks] = await Promise.all(["ProofSubmitted", "TaskSlashed", "TaskCreated"].map(mine));
				assert.equal(g.record.fulfilled, proofs.length);
				assert.equal(g.record.slashed, slashes.length);
				assert.equal(g.record.running, tasks.length - proofs.length - slashes.length);
				assert.equal(g.record.overdue, 0);
				assert.equal(g.record.earned, String(proofs.reduce((sum, { args }) => sum + args.paid, 0n)));
				for (const q of g.quotes) {
					const terms = await world.chain.read("GeneratorRegistry", "quoteOf", [g.generator, BigInt(q.market_id)]);
					assert.deepEqual([q.price, q.response_time, q.compute, q.tasks, !q.draining], [String(terms[0]), terms[1], String(terms[2]), terms[3], terms[4]]);
					assert.equal(q.available, true);
				}
				assert.deepEqual((await api().get(`/v1/generators/${g.generator.toLowerCase()}`)).generator, g);
			}
			assert.deepEqual(generators.map((g) => g.record.slashed).sort(), [0, 1]);
		});

		test("each request is what the contract and its events say", async () => {
			const count = await world.chain.read("ProofMarketplace", "requestCount");
			const all = await api().all("/v1/requests", "requests");
			assert.deepEqual(
				all.map((r) => BigInt(r.request_id)),
				Array.from({ length: Number(count) }, (_, i) => count - BigInt(i)),
			);
			const tasks = new Map((await api().all("/v1/tasks", "tasks")).map((t) => [t.request_id, t]));
			for (const listed of all) {
				const id = BigInt(listed.request_id);
				const { request } = await api().get(`/v1/requests/${id}`);
				const { proof, refusals, transactions, history, trace, ...rest } = request;
				assert.deepEqual(rest, listed);
				assert.match(trace, /^[0-9a-f]{32}$/); // trace.test.mjs makes it itself
				const [[created], [task]] = [await eventsOf("RequestCreated", id), await eventsOf("TaskCreated", id)];
				const { params, inputs } = created.args;
				assert.equal(request.state, await world.base.stateOf(id));
				assert.equal(request.requester, world.market.requester.address);
				assert.equal(request.market_id, String(params.marketId));
				assert.equal(request.max_price, String(params.maxPrice));
				assert.equal(request.max_response_time, params.maxResponseTime);
				assert.equal(request.expiry, iso(params.expiry));
				assert.equal(request.preference, ["cheapest", "fastest"][params.preference]);
				assert.equal(request.spread, String(params.spread));
				assert.equal(request.inputs_hash, keccak256(inputs));
				assert.equal(request.inputs_size, inputs.length / 2 - 1);
				assert.deepEqual(request.created, await eventOf(created));
				assert.equal(refusals, null);
				await checkTask(request, task, tasks.get(listed.request_id));
				await checkEnd(request, id);
				await checkProof(id, proof);
				await checkStory(request, transactions, history);
			}
		});

		async function checkTask(request, task, listed) {
			if (!task) return assert.deepEqual([request.task, listed], [null, undefined]);
			const { generator, price, deadline } = task.args;
			const { overdue, ...said } = request.task;
			assert.deepEqual(said, { generator, price: String(price), deadline: iso(deadline), assigned: await eventOf(task) });
			assert.equal(overdue, false);
			assert.equal(request.match.generator, generator);
			assert.equal(request.match.price, String(price));
			assert.equal((await block(BigInt(request.match.block.number))).hash, request.match.block.hash);
			const state = request.state === "assigned" ? "running" : request.state;
			const { request_id, market_id, ended } = request;
			assert.deepEqual(listed, { request_id, market_id, state, ...request.task, ended });
		}

		async function checkEnd(request, id) {
			const ends = (await Promise.all(["ProofSubmitted", "TaskSlashed", "RequestCancelled"].map((name) => eventsOf(name, id)))).flat();
			if (!ends.length) return assert.equal(request.ended, null);
			const [{ args }] = ends;
			assert.deepEqual(request.ended, { paid: String(args.paid ?? 0n), refund: String(args.refund), ...(await eventOf(ends[0])) });
		}

		async function checkProof(id, proof) {
			const [submitted] = await eventsOf("ProofSubmitted", id);
			if (!submitted) return assert.equal(proof, null);
			const { args, transactionHash } = submitted;
			assert.deepEqual({ bytes: proof.bytes, size: proof.size, tx: proof.tx }, { bytes: args.proof, size: args.proof.length / 2 - 1, tx: transactionHash });
			const { events } = await api().get(`/v1/events?log=chain&from=${proof.seq}&limit=1`);
			assert.deepEqual([events[0].entry.type, events[0].entry.request_id], ["proof_submitted", String(id)]);
		}

		async function checkStory(request, transactions, history) {
			const steps = ["opened", ...(request.match ? ["matched"] : []), ...(request.task ? ["assigned"] : []), ...(request.ended ? [request.state] : [])];
			assert.deepEqual(history.map(({ step }) => step), steps);
			for (const { step, block: number, time, tx } of history) {
				assert.equal(time, iso((await block(BigInt(number))).timestamp));
				if (step !== "matched") assert.equal(String((await world.client.getTransactionReceipt({ hash: tx })).blockNumber), number);
			}
			for (const t of transactions) {
				assert.equal(t.state, "mined");
				const receipt = await world.client.getTransactionReceipt({ hash: t.tx });
				assert.deepEqual(t.mined, {
					block: { number: String(receipt.blockNumber), hash: receipt.blockHash },
					gas_used: String(receipt.gasUsed),
					fee_paid: String(receipt.gasUsed * receipt.effectiveGasPrice),
				});
				assert.equal(t.sender.toLowerCase(), receipt.from);
			}
			const engine = [...(request.task ? ["assign"] : []), ...(request.state === "slashed" ? ["slash"] : [])];
			if (request.request_id === String(ids.expiring[0])) engine.push("cancel_expired");
			assert.deepEqual(transactions.map(({ kind }) => kind).reverse(), engine);
		}

		test("lists are filtered, and go on where they stopped", async () => {
			const all = await api().all("/v1/requests", "requests");
			const by = (f) => all.filter(f).map(({ request_id }) => request_id);
			const listed = async (query) => (await api().all(`/v1/requests${query}`, "requests", 2)).map(({ request_id }) => request_id);
			assert.deepEqual(await listed(""), by(() => true));
			const states = openapi.paths["/v1/requests"].get.parameters.find(({ name }) => name === "state").schema.enum;
			for (const state of states) {
				const ended = !["open", "assigned"].includes(state);
				assert.deepEqual(await listed(`?state=${state}`), by((r) => r.state === state || (state === "closed" && r.ended)), state);
				assert.ok(ended || by((r) => r.state === state).length > 0);
			}
			assert.deepEqual(await listed("?market=2"), by((r) => r.market_id === "2"));
			const { address } = world.market.requester;
			assert.deepEqual(await listed(`?requester=${address}&state=open&market=1`), by((r) => r.state === "open" && r.market_id === "1"));
			assert.deepEqual(await listed(`?requester=${world.person("able").address}`), []);
			const silent = world.person("silent").address;
			const tasks = await api().all(`/v1/tasks?generator=${silent}`, "tasks", 1);
			assert.deepEqual(tasks.map((t) => [t.generator, t.state]), [[silent, "running"], [silent, "slashed"]]);
			assert.deepEqual(await api().all("/v1/tasks?state=fulfilled&market=1", "tasks"), (await api().all("/v1/tasks", "tasks")).filter((t) => t.state === "fulfilled" && t.market_id === "1"));
			for (const [path, key] of [["/v1/markets", "markets"], ["/v1/generators", "generators"]])
				assert.deepEqual(await api().all(path, key, 1), await api().all(path, key), path);
		});

		// What stats say, worked out from the requests.
		function statsOf(requests) {
			const seconds = (from, to) => (Date.parse(to.time) - Date.parse(from.time)) / 1000;
			const rank = (values, p) => values[Math.ceil((values.length * p) / 100) - 1];
			const spread = (values, form = Number) => {
				if (!values.length) return null;
				const sorted = values.sort((a, b) => (a < b ? -1 : Number(a > b)));
				return { count: values.length, ...Object.fromEntries([10, 25, 50, 75, 90].map((p) => [`p${p}`, form(rank(sorted, p))])) };
			};
			const ended = requests.filter((r) => r.ended);
			const proven = ended.filter((r) => r.state === "fulfilled");
			const tasks = ended.filter((r) => r.task);
			const matched = ended.filter((r) => r.match);
			return {
				fill_rate: ended.length ? Math.floor((1000 * proven.length) / ended.length) / 1000 : null,
				price: spread(proven.map((r) => BigInt(r.ended.paid)), String),
				response_time: spread(proven.map((r) => seconds(r.task.assigned, r.ended))),
				total_time: spread(proven.map((r) => seconds(r.created, r.ended))),
				assignment_time: spread(tasks.map((r) => seconds(r.created, r.task.assigned))),
				match_time: spread(matched.map((r) => seconds(r.created, r.match.block))),
				match_blocks: spread(matched.map((r) => Number(BigInt(r.match.block.number) - BigInt(r.created.block)))),
			};
		}

		test("stats are what the requests that ended say", async () => {
			const all = await api().all("/v1/requests", "requests");
			for (const { market_id, sample, ...said } of await api().all("/v1/stats", "markets", 1)) {
				const mine = all.filter((r) => r.market_id === market_id);
				assert.deepEqual(said, statsOf(mine), `market ${market_id}`);
				assert.equal(sample.requests, mine.filter((r) => r.ended).length);
				assert.equal(sample.fulfilled, mine.filter((r) => r.state === "fulfilled").length);
				const ends = mine.filter((r) => r.ended).map((r) => r.ended.time).sort();
				assert.deepEqual([sample.from, sample.to], [ends[0] ?? null, ends.at(-1) ?? null]);
			}
		});

		test("the book has the market's quotes, cheapest first, and its open requests, oldest first", async () => {
			const book = await api().get("/v1/markets/1/book");
			assert.deepEqual(book.quotes.map(({ generator }) => world.base.generatorName(generator)), ["able", "silent"]);
			const open = (await api().all("/v1/requests?market=1&state=open", "requests")).reverse();
			assert.deepEqual(book.requests, open);
			assert.deepEqual([book.quotes_total, book.requests_total], [2, open.length]);
			const short = await api().get("/v1/markets/1/book?limit=1");
			assert.deepEqual([short.quotes, short.requests], [book.quotes.slice(0, 1), open.slice(0, 1)]);
			assert.equal(short.requests_total, open.length);
		});

		test("events are the logs' entries, and those of the chain log the chain's", async () => {
			for (const log of LOGS) {
				const whole = [];
				for (let next = 1; ; ) {
					const page = await api().get(`/v1/events?log=${log}&from=${next}&limit=77`);
					whole.push(...page.events);
					assert.equal(page.next, whole.length + 1);
					if (page.events.length < 77) break;
					next = page.next;
				}
				assert.deepEqual(whole.map(({ seq }) => seq), whole.map((_, i) => i + 1), log);
				if (log === "chain") await checkProofs(whole);
			}
		});

		async function checkProofs(entries) {
			const said = entries.filter(({ entry }) => entry.type === "proof_submitted").map(({ entry }) => [entry.request_id, entry.proof, entry.tx]);
			const events = await world.chain.events("ProofMarketplace", "ProofSubmitted");
			assert.deepEqual(said, events.map(({ args, transactionHash }) => [String(args.requestId), args.proof, transactionHash]));
			assert.ok(said.length >= 2);
			const { entry } = entries.find(({ entry: e }) => e.type === "request_created");
			const [created] = await eventsOf("RequestCreated", BigInt(entry.request_id));
			assert.deepEqual([entry.inputs, entry.max_price], [created.args.inputs, String(created.args.params.maxPrice)]);
		}

		test("the status names every service, where it is and that it is well", async () => {
			const status = await until("all to be in step", async () => {
				const s = await api().get("/v1/status");
				return s.services.length === 6 && s.services.every(({ ready, lag }) => ready && lag === 0) && s;
			});
			assert.deepEqual(status.absent, []);
			assert.deepEqual(Object.values(status.quarantine), [0, 0, 0, 0, 0, 0]);
			const { number, hash } = await world.client.getBlock();
			assert.deepEqual([status.tip.number, status.tip.hash], [String(number), hash]);
		});

		test("an answer that hasn't changed isn't sent again; the next block changes it", async () => {
			const paths = Object.entries(openapi.paths).filter(([path, { get }]) => get.responses["304"] && !NOT_ROUTES.includes(path));
			const filled = paths.map(([path]) => path.replace(/\{(\w+)\}/, (_, name) => PARAMETER_OF[name] ?? world.person("able").address));
			const tags = [];
			for (const path of filled) {
				const { headers } = await api().ask(path);
				const etag = headers.get("etag");
				tags.push(etag);
				for (const said of [etag, etag.slice(2), `"x", ${etag}`, "*"]) {
					const again = await api().ask(path, { headers: { "if-none-match": said } });
					assert.deepEqual([again.status, again.text, again.headers.get("etag")], [304, "", etag], `${path} ${said}`);
				}
				assert.equal((await api().ask(path, { headers: { "if-none-match": 'W/"x"' } })).status, 200);
				assert.equal((await new Api(world.b.url).ask(path)).headers.get("etag"), etag);
			}
			await world.client.mine({ blocks: 1 });
			await world.caughtUp();
			for (const [i, path] of filled.entries()) {
				const { status, headers } = await api().ask(path, { headers: { "if-none-match": tags[i] } });
				assert.equal(status, 200, path);
				assert.notEqual(headers.get("etag"), tags[i]);
			}
		});

		test("every parameter has the range that is described, and no other is taken", async () => {
			for (const [path, { get }] of Object.entries(openapi.paths)) {
				if (NOT_ROUTES.includes(path)) continue;
				const must = (get.parameters ?? []).some(({ name }) => name === "log") ? "log=book&" : "";
				const url = path.replace(/\{(\w+)\}/, (_, name) => PARAMETER_OF[name] ?? world.person("able").address);
				for (const p of get.parameters ?? []) await checkParameter(url, must, p.$ref ? openapi.components.parameters[p.$ref.split("/").at(-1)] : p);
				const unknown = await api().ask(`${url}?${must}nonsense=1`);
				assert.equal(unknown.json.type, "urn:kalypso:problem:unknown-parameter", path);
			}
			const many = await api().ask(`/v1/requests?${Array.from({ length: 9 }, (_, i) => `a${i}=1`).join("&")}`);
			assert.equal(many.json.type, "urn:kalypso:problem:too-many-parameters");
			assert.equal((await api().ask("/v1/events")).status, 400);
		});

		// Values at the edges of its schema, and just beyond.
		async function checkParameter(url, must, { name, in: place, schema }) {
			const { address } = world.market.requester;
			const kind = schema.$ref?.split("/").at(-1);
			const values = schema.minimum !== undefined
				? { good: [schema.minimum, schema.maximum], bad: [schema.minimum - 1, schema.maximum + 1, "x", "", "1.5", "+1"] }
				: schema.enum ? { good: schema.enum, bad: ["nonsense", ""] }
				: kind === "LogName" ? { good: LOGS, bad: ["books", ""] }
				: kind === "Address" ? { good: [address, address.toLowerCase()], bad: ["0x12", address.slice(2), `${address}00`, address.toLowerCase().replace("f", "F")] }
				: { good: ["1", "18446744073709551615"], bad: ["-1", "x", "18446744073709551616", "0x1"] };
			if (place === "header") return;
			if (place === "path") {
				const [, base] = url.match(/^(\/v1\/\w+\/)/);
				for (const bad of values.bad.concat(kind === "Id" ? ["0"] : [])) {
					const answer = await api().ask(url.replace(/^(\/v1\/\w+\/)[^/]+/, `${base}${bad}`));
					assert.equal(answer.status, 400, answer.url);
				}
				return;
			}
			const at = (value) => (name === "log" ? `${url}?log=${value}` : `${url}?${must}${name}=${value}`);
			for (const good of values.good) assert.equal((await api().ask(at(good))).status, 200, at(good));
			for (const bad of values.bad) {
				const { status, json } = await api().ask(at(bad));
				assert.equal(status, 400, at(bad));
				assert.ok(json.detail.startsWith(`${url}: `), json.detail);
			}
			assert.equal((await api().ask(`${at(values.good[0])}&${name}=${values.good[0]}`)).status, 400, `${name} twice`);
		}

		test("what isn't there is a problem that says where", async () => {
			for (const path of ["/v1", "/v1/", "/v2/markets", "/v1/markets/", "/v1/markets/1/", "/v1/nothing", "/app.mjs", "/../main.c", "/%2e%2e/main.c"]) {
				const { status, json } = await api().ask(path);
				assert.deepEqual([status, json.type], [404, "urn:kalypso:problem:not-found"], path);
			}
			for (const path of ["/v1/markets/9", "/v1/markets/9/book", "/v1/requests/99999", `/v1/generators/${world.market.requester.address}`]) {
				const { status, json } = await api().ask(path);
				assert.equal(status, 404);
				assert.ok(json.detail.startsWith(path), json.detail);
			}
			const long = await api().ask(`/v1/markets/${"1".repeat(1100)}`);
			assert.equal(long.status, 414);
			assert.equal((await api().ask("/v1/feed")).status, 426);
		});

		test("it can only be read", async () => {
			for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
				const answer = await api().ask("/v1/requests", { method, body: method === "DELETE" ? undefined : "{}" });
				assert.equal(answer.status, 405, method);
				assert.equal(answer.json.type, "urn:kalypso:problem:method-not-allowed");
				assert.equal(answer.headers.get("allow"), "GET, HEAD, OPTIONS");
				if (method === "PUT") assert.equal(answer.headers.get("connection"), "close");
			}
			const [get, head, options] = await Promise.all(["GET", "HEAD", "OPTIONS"].map((method) => api().ask("/v1/markets", { method })));
			assert.equal(head.status, 200);
			assert.equal(head.text, "");
			for (const name of ["content-type", "content-length", "etag"]) assert.equal(head.headers.get(name), get.headers.get(name), name);
			assert.equal(options.status, 204);
			for (const answer of [get, head, options]) assert.equal(answer.headers.get("access-control-allow-origin"), "*");
			assert.equal(options.headers.get("access-control-allow-methods"), "GET, HEAD, OPTIONS");
		});

		test("what is no HTTP, or too much of it, ends one connection and nothing else", async () => {
			const { port } = new URL(api().url);
			for (const bytes of [Buffer.alloc(300, 0xff), "GET /v1/markets HTTP/9\r\n\r\n", `GET /v1/markets HTTP/1.1\r\nx: ${"y".repeat(20_000)}\r\n\r\n`]) {
				const socket = connect(Number(port), "127.0.0.1");
				socket.on("error", () => {});
				const ended = new Promise((resolve) => socket.once("close", resolve));
				socket.resume().end(bytes);
				await ended;
			}
			await api().get("/v1/markets");
		});

		test("what one address may have is bounded", async () => {
			const sockets = Array.from({ length: 60 }, () => connect(Number(new URL(world.b.url).port), "127.0.0.1").on("error", () => {}));
			await until("some to be refused", () => sockets.filter((s) => s.closed).length >= 20);
			const kept = sockets.filter((s) => !s.closed);
			assert.ok(kept.length > 0 && kept.length <= 40);
			for (const socket of sockets) socket.destroy();
			await until("room again", async () => (await new Api(world.b.url).ask("/v1/markets")).status === 200);
		});

		test("a request that ended long ago is told from its record", async () => {
			const b = new Api(world.b.url);
			const kept = (await b.all("/v1/requests?state=closed", "requests")).length;
			assert.equal(kept, 2);
			for (const id of [...ids.proven, ...ids.slashed, ...ids.cancelled]) {
				const { request: old } = await b.get(`/v1/requests/${id}`);
				const { request } = await api().get(`/v1/requests/${id}`);
				for (const name of ["state", "created", "task", "ended", "max_price", "inputs_hash", "expiry", "requester"]) assert.deepEqual(old[name], request[name], name);
			}
		});

		test("amounts can be shown with the decimals that it names", async () => {
			const { tokens } = await api().get("/v1/chain");
			const { request } = await api().get(`/v1/requests/${ids.waiting[0]}`);
			assert.equal(formatUnits(BigInt(request.max_price), tokens.payment.decimals), "0.1");
		});

		test("every path of the description was answered", async () => {
			const paths = Object.keys(openapi.paths).filter((path) => !NOT_ROUTES.includes(path));
			assert.deepEqual([...api().asked].filter(Boolean).sort(), paths.sort());
			assert.equal(templateOf("/v1/markets/1/book"), "/v1/markets/{market_id}/book");
			await world.startClock();
		});
	});
}
