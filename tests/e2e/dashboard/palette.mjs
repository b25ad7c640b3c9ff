// A screenshot as a PNG of at most 256 colours: a third of its size, and nobody sees the difference in what is drawn with a
// dozen colours and their shades.
import { deflateSync } from "node:zlib";

// Runs in a page: the pixels of @base64, as places in a palette of the most frequent colours.
async function indexed(base64) {
	const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
	const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
	const { width, height } = image;
	const context = new OffscreenCanvas(width, height).getContext("2d");
	context.drawImage(image, 0, 0);
	const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
	const times = new Map();
	for (const p of pixels) times.set(p, (times.get(p) ?? 0) + 1);
	const palette = [...times].sort((a, b) => b[1] - a[1]).slice(0, 256).map(([p]) => p);
	const parts = (p) => [p & 255, (p >> 8) & 255, (p >> 16) & 255];
	const far = (a, b) => a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0);
	const colors = palette.map(parts);
	const place = new Map(palette.map((p, i) => [p, i]));
	for (const p of times.keys())
		if (!place.has(p)) {
			const own = parts(p);
			place.set(p, colors.reduce((best, c, i) => (far(own, c) < far(own, colors[best]) ? i : best), 0));
		}
	let text = "";
	for (const p of pixels) text += String.fromCharCode(place.get(p));
	return { width, height, colors, indices: btoa(text) };
}

function crc(bytes) {
	let value = ~0;
	for (const byte of bytes) {
		value ^= byte;
		for (let i = 0; i < 8; i++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
	}
	return ~value >>> 0;
}

function chunk(name, data) {
	const body = Buffer.concat([Buffer.from(name), data]);
	const whole = Buffer.alloc(body.length + 8);
	whole.writeUInt32BE(data.length, 0);
	body.copy(whole, 4);
	whole.writeUInt32BE(crc(body), body.length + 4);
	return whole;
}

// @png in few colours; @page is any page of a browser.
export async function withPalette(page, png) {
	const { width, height, colors, indices } = await page.evaluate(indexed, png.toString("base64"));
	const header = Buffer.alloc(13);
	header.writeUInt32BE(width, 0);
	header.writeUInt32BE(height, 4);
	header.set([8, 3, 0, 0, 0], 8); // 8 bits, palette
	const places = Buffer.from(indices, "base64");
	const rows = Buffer.alloc((width + 1) * height); // each behind a 0: no filter
	for (let y = 0; y < height; y++) places.copy(rows, y * (width + 1) + 1, y * width, (y + 1) * width);
	return Buffer.concat([
		Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
		chunk("IHDR", header),
		chunk("PLTE", Buffer.from(colors.flat())),
		chunk("IDAT", deflateSync(rows, { level: 9 })),
		chunk("IEND", Buffer.alloc(0)),
	]);
}
