// Strangers: on the sockets, in the markets, among generators and requesters.
import { createConnection } from "node:net";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { toFunctionSelector, toHex, zeroAddress } from "viem";
import { ROLES, account } from "../../../deploy/local/chain.mjs";
import { BREAKS, frameOf } from "../bus-proxy.mjs";
import { SERVICES, sleep } from "../scene.mjs";

const STORM = 60; // transactions of a block
const KIB_32 = 32 * 1024;
const stormy = new WeakSet(); // scenes in which the generator is registered

// Sockets that say something and stay, until close().
function callers(count, to, say) {
	const sockets = Array.from({ length: count }, (_, i) => {
		const socket = createConnection(to);
		socket.on("error", () => {});
		socket.on("data", () => {});
		for (const bytes of say(i)) socket.write(bytes);
		return socket;
	});
	return () => sockets.forEach((socket) => socket.destroy());
}

// ZMTP's greeting: version 3.0, mechanism NULL or another one.
function greeting(mechanism = "NULL", version = 3) {
	const bytes = Buffer.alloc(64);
	bytes[0] = 0xff;
	bytes[9] = 0x7f;
	bytes[10] = version;
	bytes.write(mechanism, 12);
	return bytes;
}

const ready = frameOf(Buffer.concat([Buffer.from("\x05READY\x0bSocket-Type"), Buffer.from([0, 0, 0, 3]), Buffer.from("SUB")]), 4);

const ZMQ_SPEECHES = [
	(dice) => [dice.bytes(dice.between(1, 200))],
	() => [greeting().subarray(0, 11)], // half of it, and silence
	() => [greeting("CURVE")],
	() => [greeting("NULL", 99)],
	(dice) => [greeting(), ready, dice.bytes(300)],
	() => [greeting(), ready, BREAKS.giant()],
	() => [greeting(), ready, BREAKS.endless()],
	// A great many subscriptions.
	(dice) => [greeting(), ready, ...Array.from({ length: 500 }, () => frameOf(Buffer.concat([Buffer.from([1]), dice.bytes(20)])))],
	// A reader that never reads.
	() => [greeting(), ready, frameOf(Buffer.from([1]))],
];

const HTTP_SPEECHES = [
	(dice) => [dice.bytes(dice.between(1, 5000))],
	() => ["GET /v1/markets HTTP/1.1\r\nHost: a\r\n"], // and no end of it
	() => [`GET /${"a".repeat(70_000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
	() => [`GET / HTTP/1.1\r\n${"X-A: b\r\n".repeat(5000)}\r\n`],
	() => ["POST /v1/markets HTTP/1.1\r\nHost: a\r\nContent-Length: 1099511627776\r\n\r\n{}"],
	() => ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], // TLS
];

// A verifier that likes every sample and input, and whose verify() is what @hex does, at VERIFY.
const VERIFY = "19";
function verifier(hex) {
	const selector = toFunctionSelector("verify(bytes,bytes)").slice(2);
	const runtime = `60003560e01c63${selector}1460${VERIFY}57${"600160005260206000f3"}5b${hex}`;
	const size = (runtime.length / 2).toString(16).padStart(2, "0");
	return `0x60${size}600c60003960${size}6000f3${runtime}`; // copy what follows, return it
}

const VERIFIERS = {
	reverts: "60006000fd",
	burns: `60${VERIFY}56`, // jumps back for ever
	garbage: "60196000526103e86000f3", // 1,000 bytes that begin with no bool
};

export default [
	{
		name: "sockets",
		what: "strangers on the bus, the admin ports and the gateway: garbage, half sentences, 1 GiB frames, silence",
		rounds: 2,
		byDefault: true,
		async run(scene, dice) {
			const closes = [];
			for (const file of readdirSync(scene.market.run))
				if (/^[a-z-]+\.a$/.test(file)) closes.push(callers(10, { path: join(scene.market.run, file) }, () => dice.pick(ZMQ_SPEECHES)(dice)));
			const ports = SERVICES.map((name) => Number(new URL(scene.service(name).admin).port));
			for (const port of [...ports, scene.market.gatewayPort]) closes.push(callers(8, { port, host: "127.0.0.1" }, () => dice.pick(HTTP_SPEECHES)(dice)));
			await scene.blocks(3);
			const ms = await scene.recovered(performance.now());
			for (const close of closes) close();
			return ms;
		},
	},
	{
		name: "quote-storm",
		what: "a generator that changes its stake, compute and quotes as often as fits into blocks",
		rounds: 1,
		async run(scene, dice) {
			const { chain, market } = scene;
			const who = account(ROLES.generators + 10);
			const registry = chain.contract("GeneratorRegistry");
			if (!stormy.has(scene)) {
				await market.registerGenerator({ name: "storm", compute: 10n, stake: "10", quotes: [["rollup-batch", "4", 3600, 1n]] }, who);
				await chain.send(who, "StakeToken", "mint", [who.address, 10n ** 18n]);
				await chain.send(who, "StakeToken", "approve", [registry.address, 10n ** 18n]);
				stormy.add(scene);
			}
			const quoted = market.marketOf("rollup-batch").id;
			const wallet = chain.wallet(who);
			for (let block = 0; block < 4; block++) {
				const nonce = await chain.client.getTransactionCount({ address: who.address, blockTag: "pending" });
				const calls = Array.from({ length: STORM }, () =>
					dice.pick([
						["stake", [who.address, 1n]],
						["setCompute", [BigInt(dice.between(10, 1000))]],
						["updateQuote", [quoted, BigInt(dice.between(4_000_000, 9_000_000)), 3600, 1n]],
						["setRewardAddress", [who.address]],
					]),
				);
				await Promise.all(calls.map(([functionName, args], i) =>
					wallet.writeContract({ address: registry.address, abi: registry.abi, functionName, args, nonce: nonce + i, gas: 300_000n, maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 10n ** 9n })));
				await scene.blocks(1);
			}
			return scene.recovered(performance.now());
		},
	},
	{
		name: "bad-markets",
		what: "markets whose verifier reverts, burns its gas or returns garbage, with inputs of 32 KiB that are msgpack bombs",
		rounds: 1,
		async run(scene) {
			const { chain, market } = scene;
			const penalty = await market.stakeUnits("5");
			for (const [name, hex] of Object.entries(VERIFIERS)) {
				const inner = await chain.deploy(market.deployer, [], verifier(hex));
				const params = { verifier: inner, penalty, maxInputBytes: KIB_32, protocol: 0, auctionWindow: 0, proverImages: [], inputVerifierImages: [], metadata: toHex(`{"name":"${name}"}`) };
				const made = await chain.send(market.deployer, "ProofMarketplace", "createMarket", [params]);
				const [created] = await chain.events("ProofMarketplace", "MarketCreated", { from: made.blockNumber });
				const marketId = created.args.marketId;
				const { timestamp } = await chain.client.getBlock();
				const request = { marketId, maxPrice: 5_000_000n, maxResponseTime: 3600, expiry: timestamp + 8n, preference: 0, refundTo: zeroAddress, spread: 0n };
				const bomb = toHex(Buffer.alloc(KIB_32, Buffer.from([0xdd, 0x20, 0, 0, 0])));
				await chain.send(market.requester, "ProofMarketplace", "createRequest", [request, bomb, "0x", "0x"], { gas: 30_000_000n }).catch(() => {});
			}
			await scene.blocks(2);
			return scene.recovered(performance.now());
		},
	},
	{
		name: "hasty",
		what: "requests that expire a second after they are placed, and cancellations in the same block as their assignment",
		rounds: 2,
		async run(scene, dice) {
			const { chain, market, load } = scene;
			for (let n = 0; n < 4; n++) {
				await load.place(Array(dice.between(1, 6)).fill("silent"), { expiresIn: dice.between(2, 3) }).catch(() => {});
				await scene.blocks(1);
				const open = (await load.story()).filter(({ tasks, cancels }) => !tasks.length && !cancels.length).slice(-3);
				const wallet = chain.wallet(market.requester);
				const { address, abi } = chain.contract("ProofMarketplace");
				for (const { id } of open)
					await wallet.writeContract({ address, abi, functionName: "cancelRequest", args: [id], gas: 200_000n, maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 10n ** 11n }).catch(() => {});
				await sleep(dice.between(0, 500));
			}
			return scene.recovered(performance.now());
		},
	},
];
