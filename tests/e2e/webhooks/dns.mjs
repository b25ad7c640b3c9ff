// A small DNS server whose answers a test changes: addresses by name, for no time at all (TTL 0).
import { createSocket } from "node:dgram";
import { isIPv4 } from "node:net";

const [A, AAAA] = [1, 28];
const [FOUND, NO_SUCH_NAME] = [0x8180, 0x8183];

function bytesOf(address) {
	if (isIPv4(address)) return Buffer.from(address.split(".").map(Number));
	const [head, tail = ""] = address.split("::").map((half) => half.split(":").filter(Boolean));
	const words = [...head, ...Array(8 - head.length - tail.length).fill("0"), ...tail];
	return Buffer.from(words.map((word) => word.padStart(4, "0")).join(""), "hex");
}

export class Dns {
	names = new Map(); // name: addresses, IPv6 written with words only
	told = []; // {name, addresses}, in the order of asking

	async listen(port, host) {
		this.socket = createSocket("udp4", (query, from) => this.socket.send(this.answer(query), from.port, from.address));
		await new Promise((resolve) => this.socket.bind(port, host, resolve));
		return this;
	}

	close() {
		return new Promise((resolve) => this.socket.close(resolve));
	}

	// RFC 1035: a header of 12 bytes, the question (labels, type, class), and what is said of it.
	answer(query) {
		const labels = [];
		let at = 12;
		for (; query[at]; at += query[at] + 1) labels.push(query.toString("latin1", at + 1, at + 1 + query[at]));
		const type = query.readUInt16BE(at + 1);
		const name = labels.join(".").toLowerCase();
		const known = this.names.get(name);
		this.told.push({ name, addresses: known });
		const records = (known ?? []).filter((address) => type === (isIPv4(address) ? A : AAAA)).map((address) => {
			const data = bytesOf(address);
			const record = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]);
			return Buffer.concat([record, data]);
		});
		const head = Buffer.from(query.subarray(0, 12));
		head.writeUInt16BE(known ? FOUND : NO_SUCH_NAME, 2);
		[1, records.length, 0, 0].forEach((count, i) => head.writeUInt16BE(count, 4 + 2 * i));
		return Buffer.concat([head, query.subarray(12, at + 5), ...records]);
	}
}
