// A man in the middle of the bus: reads ZeroMQ's frames (ZMTP 3.x, https://rfc.zeromq.org/spec/23/) between a service and a
// reader of its log, and does to them what he is told: drop, double, reorder, cut short, flip bits, forge.
//
//	greeting 64 bytes | frame: flags 1, size 1 or 8, body | …      flags: 1 more follows, 2 size has 8 bytes, 4 command
//
// The body of a message is a frame of common/bus.h: epoch 8 | number 8 | crc32c 4 | type 2 | 0 2 | body.
import { DOWN, Link } from "./link.mjs";

const GREETING = 64, HEADER = 24;
const [MORE, LONG, COMMAND] = [1, 2, 4];

const TABLE = Uint32Array.from({ length: 256 }, (_, i) => {
	let c = i;
	for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
	return c;
});

function crc32c(...parts) {
	let c = 0xffffffff;
	for (const part of parts) for (const b of part) c = (c >>> 8) ^ TABLE[(c ^ b) & 0xff];
	return ~c >>> 0;
}

export function frameOf(body, flags = 0) {
	const long = body.length > 255 || flags & LONG;
	const head = Buffer.alloc(long ? 9 : 2);
	head[0] = (flags & ~LONG) | (long ? LONG : 0);
	long ? head.writeBigUInt64BE(BigInt(body.length), 1) : (head[1] = body.length);
	return Buffer.concat([head, body]);
}

// The same doorbell with other fields and a checksum that is right.
export function forged(body, { epoch, number, type, payload }) {
	const copy = Buffer.concat([body.subarray(0, HEADER), payload ?? body.subarray(HEADER)]);
	if (epoch !== undefined) copy.writeBigUInt64BE(epoch, 0);
	if (number !== undefined) copy.writeBigUInt64BE(number, 8);
	if (type !== undefined) copy.writeUInt16BE(type, 20);
	copy.writeUInt32BE(crc32c(copy.subarray(0, 16), copy.subarray(20)), 16);
	return copy;
}

const numberOf = (body) => body.readBigUInt64BE(8);
const typeOf = (body) => body.readUInt16BE(20);

// What may be done to a doorbell: (body, dice, state) => the bodies that are passed on instead.
// state is the connection's: what was held back or seen before.
export const TRICKS = {
	drop: () => [],
	double: (body) => [body, body],
	reorder: (body, dice, state) => {
		const before = state.held;
		state.held = before ? undefined : body;
		return before ? [body, before] : [];
	},
	truncate: (body, dice) => [body.subarray(0, dice.below(body.length))],
	flip: (body, dice) => {
		const copy = Buffer.from(body);
		for (let n = dice.between(1, 3); n > 0; n--) copy[dice.below(copy.length)] ^= 1 << dice.below(8);
		return [copy];
	},
	// Bits of the type alone: the checksum is over it.
	retype: (body, dice) => {
		const copy = Buffer.from(body);
		copy[20 + dice.below(2)] ^= 1 << dice.below(8);
		return [copy];
	},
	// From here on the checksum is right: somebody on the bus says what isn't so.
	oldEpoch: (body, dice) => [forged(body, { epoch: body.readBigUInt64BE(0) - BigInt(dice.between(1, 9)) }), body],
	future: (body, dice) => [forged(body, { number: numberOf(body) + BigInt(dice.between(1, 1e6)) }), body],
	past: (body, dice, state) => {
		const before = (state.past ??= body);
		return [body, before];
	},
	// Five bytes that ask for 2^29 elements, strings or bytes, in place of an entry.
	bomb: (body, dice) => {
		const payload = Buffer.from([dice.pick([0xdd, 0xdf, 0xdb, 0xc6]), 0x20, 0, 0, 0]);
		return [typeOf(body) ? forged(body, { payload }) : body];
	},
};

// What is done to the stream itself, beneath doorbells: bytes to write; the connection can't be used after it.
export const BREAKS = {
	giant: () => Buffer.from([LONG, 0, 0, 0, 0, 0x40, 0, 0, 0]), // 1 GiB follows, it says
	endless: () => Buffer.from([LONG, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
	nonsense: (dice) => dice.bytes(200),
};

class Reader {
	constructor(proxy, write, close) {
		Object.assign(this, { proxy, write, close, bytes: Buffer.alloc(0), greeting: GREETING, state: {} });
	}

	take(chunk) {
		this.bytes = this.bytes.length ? Buffer.concat([this.bytes, chunk]) : chunk;
		const out = [];
		// Peers greet in turns, so the bytes of a greeting can't wait for its end.
		const hello = this.bytes.subarray(0, this.greeting);
		this.greeting -= hello.length;
		this.bytes = this.bytes.subarray(hello.length);
		out.push(hello);
		for (let frame; (frame = this.next()); ) out.push(...this.proxy.deal(frame, this.state));
		this.write(Buffer.concat(out));
	}

	// A whole frame; undefined if there is none yet.
	next() {
		if (this.greeting || this.bytes.length < 2) return undefined;
		const [flags, short] = this.bytes;
		const head = flags & LONG ? 9 : 2;
		if (this.bytes.length < head) return undefined;
		const size = flags & LONG ? Number(this.bytes.readBigUInt64BE(1)) : short;
		if (this.bytes.length < head + size) return undefined;
		const body = this.bytes.subarray(head, head + size);
		this.bytes = this.bytes.subarray(head + size);
		return { flags, body };
	}
}

export class BusProxy {
	// Between what a service has bound and one reader of it: paths of unix sockets.
	static async start({ at, to, dice }) {
		const proxy = new BusProxy();
		Object.assign(proxy, { dice, tricks: [], share: 0, broken: undefined, dealt: 0, entries: 0 });
		const filter = (way, write, close) =>
			way === DOWN ? new Reader(proxy, write, close) : { take: write };
		proxy.link = await Link.start({ at: { path: at }, to: { path: to }, filter });
		return proxy;
	}

	// Do these to so large a share of the doorbells.
	play(tricks, share) {
		Object.assign(this, { tricks, share });
	}

	// Once, before the next frame.
	break(name) {
		this.broken = name;
	}

	heal() {
		this.play([], 0);
		this.broken = undefined;
		this.link.heal();
	}

	deal({ flags, body }, state) {
		const whole = frameOf(body, flags);
		if (this.broken) {
			const bytes = BREAKS[this.broken](this.dice);
			this.broken = undefined;
			this.dealt++;
			return [bytes, whole];
		}
		if (flags & COMMAND || body.length < HEADER) return [whole];
		this.entries++;
		if (!this.tricks.length || !this.dice.chance(this.share)) return [whole];
		this.dealt++;
		const bodies = TRICKS[this.dice.pick(this.tricks)](body, this.dice, state);
		// The last of them ends the message if the original did.
		return bodies.map((b, i) => frameOf(b, i === bodies.length - 1 ? flags & MORE : MORE));
	}

	stop() {
		this.link.stop();
	}
}
