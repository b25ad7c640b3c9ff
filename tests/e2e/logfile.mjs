// The format of exported logs a second time, written from docs/audit.md: what a forger would use.
import { createHash } from "node:crypto";

const HEADER = 168, HEADER_LOG = 48, BLOCK_HEAD = 24;

const TABLE = Array.from({ length: 256 }, (_, i) => {
	let c = i;
	for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
	return c >>> 0;
});

function crc32c(bytes) {
	let c = 0xffffffff;
	for (const b of bytes) c = (c >>> 8) ^ TABLE[(c ^ b) & 0xff];
	return ~c >>> 0;
}

// Every entry: its log, number, type, and where its body and its block are.
export function* entriesOf(file) {
	const names = [];
	for (let i = 0; i < file.readUInt32BE(HEADER - 4); i++) {
		const at = HEADER + i * HEADER_LOG;
		names.push(file.subarray(at, at + 16).toString().replace(/\0+$/, ""));
	}
	let at = file.readUInt32BE(12);
	while (file.subarray(at, at + 4).toString() === "ENTR") {
		const block = at;
		const log = names[file.readUInt32BE(at + 4)];
		const first = Number(file.readBigUInt64BE(at + 8));
		const count = file.readUInt32BE(at + 16);
		at += BLOCK_HEAD;
		for (let n = 0; n < count; n++) {
			const size = file.readUInt32BE(at + 2);
			yield { log, number: first + n, type: file.readUInt16BE(at), at: at + 6, size, block };
			at += 6 + size;
		}
		at += 4;
	}
}

// A copy of @file in which @change is done to the body of an entry, and every checksum is right again.
export function forge(file, entry, change) {
	const copy = Buffer.from(file);
	change(copy.subarray(entry.at, entry.at + entry.size));
	const end = entry.block + BLOCK_HEAD + copy.readUInt32BE(entry.block + 20);
	copy.writeUInt32BE(crc32c(copy.subarray(entry.block, end)), end);
	const trailer = copy.length - 44;
	createHash("sha256").update(copy.subarray(0, trailer)).digest().copy(copy, trailer + 12);
	return copy;
}
