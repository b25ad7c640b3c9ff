// What clients say that they shouldn't: each has an answer of its own, and nothing else is disturbed.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { encode } from "@msgpack/msgpack";
import WebSocket from "ws";
import { until } from "../world.mjs";
import { Plain, isRequest } from "./checked.mjs";

const subscribe = (channels) => ({ op: "subscribe", channels });
const ADDRESS = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

// [what is said, the close code]
const BAD = [
	[subscribe([]), 4000],
	[subscribe({}), 4000],
	[subscribe(["book"]), 4000],
	[subscribe([{}]), 4000],
	[subscribe([{ name: "books" }]), 4000],
	[subscribe([{ name: "book" }]), 4000],
	[subscribe([{ name: "book", market: 0 }]), 4000],
	[subscribe([{ name: "book", market: "1", requester: ADDRESS }]), 4000],
	[subscribe([{ name: "blocks", market: "1" }]), 4000],
	[subscribe([{ name: "tasks", requester: ADDRESS }]), 4000],
	[subscribe([{ name: "requests", requester: `${ADDRESS.slice(0, -1)}Z` }]), 4000],
	[subscribe([{ name: "blocks", from: -1 }]), 4000],
	[subscribe([{ name: "blocks", from: "9".repeat(30) }]), 4000],
	[subscribe([{ name: "blocks", since: 1 }]), 4000],
	[{ ...subscribe([{ name: "blocks" }]), logs: ["book"] }, 4000],
	[subscribe(Array(17).fill({ name: "blocks" })), 4000],
	[{ op: "unsubscribe" }, 4000],
	[{ op: "unsubscribe", subs: [1] }, 4000],
	["{\"op\":\"subscribe\",\"channels\":[{\"name\":\"blocks\"}", 4000],
	[`${"[".repeat(2000)}`, 4000],
	[Buffer.from([0xff, 0xfe]), 4000],
];

// A text frame that a client library wouldn't send, masked with zeros.
const frame = (payload) => Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);

export function badInputTests(world, urlOf) {
	describe("bad input", () => {
		test("what isn't of the protocol is said and closes that connection, with its code", async () => {
			for (const [message, code] of BAD) {
				const plain = await Plain.open(urlOf(world.a));
				plain.say(message);
				await plain.closed;
				assert.equal(plain.code, code, JSON.stringify(message));
				assert.deepEqual([plain.messages.at(-1).op, plain.messages.at(-1).code], ["error", code]);
			}
		});

		test("the same in msgpack: cut off, with more behind it, of types that no message has, too deep", async () => {
			const good = Buffer.from(encode(subscribe([{ name: "blocks" }])));
			const rows = [good.subarray(0, -1), Buffer.concat([good, Buffer.from([0])]), Buffer.from([0xc1]), Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
				Buffer.from(encode({ op: "subscribe", id: 1.5 })), Buffer.from(encode({ op: Buffer.from("subscribe") })),
				Buffer.from([...Array(50).fill(0x91), 0x01]), "{\"op\":\"subscribe\",\"channels\":[{\"name\":\"blocks\"}]}"];
			for (const row of rows) {
				const plain = await Plain.open(urlOf(world.a), "kalypso.v1.msgpack");
				plain.say(row);
				await plain.closed;
				assert.equal(plain.code, 4000, String(row));
			}
			const plain = await Plain.open(urlOf(world.a), "kalypso.v1.msgpack");
			plain.say(good);
			await plain.until("a snapshot", ({ op }) => op === "snapshot");
			await plain.end();
		});

		test("bad UTF-8 in a text is refused", async () => {
			const { hostname, port } = new URL(world.a.url);
			const socket = connect(Number(port), hostname);
			const key = Buffer.from("0123456789abcdef").toString("base64");
			socket.write(`GET /v1/feed HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`);
			await once(socket, "data");
			let heard = Buffer.alloc(0);
			socket.on("data", (data) => (heard = Buffer.concat([heard, data])));
			socket.write(frame(Buffer.concat([Buffer.from("{\"op\":\"subscribe\",\"id\":\""), Buffer.from([0xc3, 0x28]), Buffer.from("\"}")])));
			await until("the refusal", () => heard.includes("it isn't a JSON object"));
			await until("the close code", () => heard.includes(Buffer.from([0x88, 0x02, 0x0f, 0xa0])));
			socket.destroy();
		});

		test("a message of 16 MiB is refused when its first 4096 bytes are there", async () => {
			const plain = await Plain.open(urlOf(world.a));
			plain.say("x".repeat(16 << 20));
			await plain.closed;
			assert.equal(plain.messages[0]?.code ?? 4000, 4000);
			assert.ok([4000, 1006].includes(plain.code), String(plain.code));
		});

		test("who subscribes again and again is stopped", async () => {
			const plain = await Plain.open(urlOf(world.a));
			plain.say(subscribe([{ name: "blocks" }]));
			for (let i = 1; i < 60 && plain.code === undefined; i++) {
				await until("an answer", () => plain.of("subscribed").length + plain.of("unsubscribed").length >= i || plain.of("error").length > 0);
				const { sub } = plain.of("subscribed").at(-1).subs[0];
				plain.say(i % 2 ? { op: "unsubscribe", subs: [sub] } : subscribe([{ name: "blocks" }]));
			}
			await plain.closed;
			assert.equal(plain.code, 4002);
		});

		test("a sub-protocol that isn't ours is refused, one of several is taken", async () => {
			const taken = new WebSocket(urlOf(world.a), ["other", "kalypso.v1.msgpack"]);
			await once(taken, "open");
			assert.equal(taken.protocol, "kalypso.v1.msgpack");
			taken.terminate();
			const refused = new WebSocket(urlOf(world.a), ["other"]);
			refused.on("error", () => {});
			const opened = await new Promise((done) => refused.on("open", () => done(true)).on("close", () => done(false)));
			assert.equal(opened, false);
		});

		test("a subscription that was given up says nothing more", async () => {
			const plain = await Plain.open(urlOf(world.a));
			plain.say({ id: 7, ...subscribe([{ name: "blocks" }, { name: "stats" }]) });
			await plain.until("blocks", ({ op, channel }) => op === "change" && channel === "blocks");
			const { subs } = plain.of("subscribed")[0];
			const message = { op: "unsubscribe", id: 8, subs: [subs[0].sub] };
			assert.ok(isRequest(message));
			plain.say(message);
			const answer = await plain.until("an answer", ({ op }) => op === "unsubscribed");
			assert.deepEqual(answer, message && { op: "unsubscribed", id: 8, subs: message.subs });
			const at = plain.messages.indexOf(answer);
			await until("two heartbeats", () => plain.messages.slice(at).filter(({ op }) => op === "heartbeat").length > 2);
			assert.ok(plain.messages.slice(at).every(({ sub }) => sub !== subs[0].sub));
			assert.deepEqual(Object.keys(plain.of("heartbeat").at(-1).logs), ["book"]);
			await plain.end();
		});
	});
}
