// Chance that can be had again: everything random in a run comes from its seed, and is the same for the same seed.
import { createHash } from "node:crypto";

export class Dice {
	constructor(...words) {
		this.words = words.join("/");
		this.state = createHash("sha256").update(this.words).digest().readUInt32LE();
	}

	// Dice of its own for something with a name: who throws how often elsewhere doesn't matter to it.
	of(...words) {
		return new Dice(this.words, ...words);
	}

	// From 0 to below 1 (mulberry32).
	next() {
		this.state = (this.state + 0x6d2b79f5) >>> 0;
		let t = this.state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	}

	below(n) {
		return Math.floor(this.next() * n);
	}

	// A whole number, both ends included.
	between(low, high) {
		return low + this.below(high - low + 1);
	}

	chance(share) {
		return this.next() < share;
	}

	pick(list) {
		return list[this.below(list.length)];
	}

	// So many of them, each at most once.
	some(list, count) {
		const left = [...list];
		return Array.from({ length: Math.min(count, left.length) }, () => left.splice(this.below(left.length), 1)[0]);
	}

	bytes(n) {
		return Buffer.from(Array.from({ length: n }, () => this.below(256)));
	}
}
