// A message's fields from its bytes (msgpack, docs/messages.md), written a second time for whoever doesn't believe common/wire.c.

// What begins at @at: [value, where the next begins].
function read(bytes, at) {
	const tag = bytes[at++];
	const many = (count) => {
		const list = [];
		for (let n = 0; n < count; n++) {
			const [value, next] = read(bytes, at);
			list.push(value);
			at = next;
		}
		return [list, at];
	};
	const raw = (width) => {
		const size = bytes.readUIntBE(at, width);
		return [bytes.subarray(at + width, at + width + size), at + width + size];
	};
	if (tag < 0x80) return [BigInt(tag), at];
	if (tag >= 0x90 && tag < 0xa0) return many(tag & 15);
	if (tag >= 0xa0 && tag < 0xc0) return [bytes.subarray(at, at + (tag & 31)), at + (tag & 31)];
	switch (tag) {
		case 0xc2:
		case 0xc3:
			return [tag === 0xc3, at];
		case 0xc4:
		case 0xd9:
			return raw(1);
		case 0xc5:
		case 0xda:
			return raw(2);
		case 0xc6:
		case 0xdb:
			return raw(4);
		case 0xcc:
		case 0xcd:
		case 0xce:
		case 0xcf: {
			const width = 1 << (tag - 0xcc);
			return [BigInt(`0x${bytes.subarray(at, at + width).toString("hex")}`), at + width];
		}
		case 0xdc:
			at += 2;
			return many(bytes.readUInt16BE(at - 2));
		case 0xdd:
			at += 4;
			return many(bytes.readUInt32BE(at - 4));
	}
	throw new Error(`tag 0x${tag.toString(16)} isn't of our messages`);
}

export const fieldsOf = (body) => read(body, 0)[0];
