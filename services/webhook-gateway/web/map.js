// The map of a market: price upwards, response time to the right. A quote is a point, an open request the corner of the
// rectangle of what it accepts. Where rectangles lie on each other the ground is warmer: it is how many requests a quote
// there could serve. A match draws the line between the two.
//
// Three canvases, each drawn again only when it changes: the axes; what is known; what is lit. What moves are elements that
// the browser moves by itself, so a market at rest costs nothing and a match next to nothing.

import { calm, colors, fit, h } from "./dom.js";

const MARGIN = { left: 56, right: 16, top: 14, bottom: 34 };
const CELL = 5; // pixels of the page: how finely rectangles are added up
const OUTLINES_MAX = 60; // more requests than this: no outlines
const DIAMONDS_MAX = 400; // more than this: points of a cell
const SAMPLES = 200; // of requests, to know how far the axes go
const MANY = 60; // more tasks or quotes than this: smaller, plainer marks
const LINES_MAX = 100; // of tasks, the newest
const FLIGHTS_MAX = 12; // more at once would be no calm sight
const FLIGHT_MS = 1800; // of a match
const REACH = 14; // how far from a mark the pointer may be

const COLORS = ["rule", "grid", "faint", "quote", "request", "task", "bad", "paper", "ink"];

export class MarketMap {
	// Draws in @box; format(units) and unit() are for prices, onPoint(mark | null, x, y) says what the pointer is at.
	constructor(box, { format, unit, onPoint = () => {} }) {
		Object.assign(this, { box, format, unit, onPoint, flights: 0, lit: null, quotes: [], open: [], tasks: [] });
		[this.back, this.base, this.above] = box.querySelectorAll("canvas");
		this.ground = document.createElement("canvas");
		this.sizes = new ResizeObserver(() => this.resize());
		this.sizes.observe(this.base);
		this.above.addEventListener("pointermove", (e) => this.point(e));
		this.above.addEventListener("pointerleave", () => this.point(null));
		this.readColors();
	}

	end() {
		this.sizes.disconnect();
		cancelAnimationFrame(this.frame);
		this.ended = true;
	}

	readColors() {
		this.colors = colors(COLORS);
		this.warm = this.colors.request.match(/\d+/g).map(Number);
		this.soon(true);
	}

	resize() {
		const { context, width, height } = fit(this.base);
		Object.assign(this, { context, width, height, under: fit(this.back).context, over: fit(this.above).context });
		this.inner = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
		this.soon(true);
	}

	// What there is: @quotes with whyNot, @open and @tasks requests, @now to tell what is late.
	show({ quotes, open, tasks, now }) {
		Object.assign(this, { quotes, open, tasks, now });
		this.quoteOf = new Map(quotes.map((q) => [q.generator, q]));
		this.scale();
		this.soon(true);
	}

	// Light up what the reader looks at elsewhere; null: nothing.
	light(key) {
		if (this.lit === key) return;
		this.lit = key;
		this.soon();
	}

	fly(request, generator) {
		const quote = this.quoteOf?.get(generator);
		if (!quote || !this.width || this.flights >= FLIGHTS_MAX) return;
		const [[x1, y1], x2, y2] = [this.corner(request), this.x(quote.time), this.y(quote.priceN)];
		const line = h("i", { className: "flight" });
		line.style.left = `${x1}px`;
		line.style.top = `${y1 - 1}px`;
		line.style.width = `${Math.hypot(x2 - x1, y2 - y1)}px`;
		const turn = `rotate(${Math.atan2(y2 - y1, x2 - x1)}rad)`;
		const [none, whole] = [`${turn} scaleX(0)`, `${turn} scaleX(1)`];
		this.box.append(line);
		this.flights++;
		const steps = [{ transform: calm() ? whole : none, opacity: 1 }, { transform: whole, opacity: 1, offset: 0.4 }, { transform: whole, opacity: 0 }];
		line.animate(steps, { duration: FLIGHT_MS, easing: "ease-out" }).finished.finally(() => {
			this.flights--;
			line.remove();
		});
	}

	// ---- scale

	scale() {
		const slowest = this.quotes.reduce((most, q) => Math.max(most, q.time), 0);
		const dearest = this.quotes.reduce((most, q) => Math.max(most, q.priceN), 0);
		const some = [...sample(this.open), ...sample(this.tasks)];
		this.maxTime = reach(some.map((r) => r.maxTime), slowest, this.maxTime);
		this.maxPrice = reach(some.map((r) => r.maxPriceN), dearest, this.maxPrice);
	}

	x(time) {
		return MARGIN.left + Math.min(time / this.maxTime, 1) * this.inner.width;
	}

	y(price) {
		return this.height - MARGIN.bottom - Math.min(price / this.maxPrice, 1) * this.inner.height;
	}

	corner(r) {
		return [this.x(r.maxTime), this.y(r.maxPriceN)];
	}

	// ---- drawing

	// In the next frame; @all: also what is below.
	soon(all = false) {
		this.dirty ||= all;
		this.frame ??= requestAnimationFrame(() => {
			this.frame = null;
			if (this.ended || !this.width || !this.maxTime) return;
			if (this.dirty) this.draw();
			this.dirty = false;
			this.drawLit();
		});
	}

	draw() {
		const c = this.context;
		c.clearRect(0, 0, this.width, this.height);
		this.drawAxes();
		this.drawGround();
		this.drawRequests();
		this.drawTasks();
		this.drawQuotes();
	}

	// How many rectangles cover each cell, from the corners: a sum from the right and from above.
	drawGround() {
		const columns = Math.ceil(this.inner.width / CELL);
		const rows = Math.ceil(this.inner.height / CELL);
		const depth = new Int32Array((columns + 1) * (rows + 1));
		const dense = this.open.length > DIAMONDS_MAX;
		const [kx, ky] = [this.inner.width / CELL / this.maxTime, this.inner.height / CELL / this.maxPrice];
		for (const r of this.open) {
			const column = Math.min(columns - 1, Math.max(0, Math.ceil(r.maxTime * kx) - 1));
			const row = Math.min(rows - 1, Math.max(0, Math.ceil(r.maxPriceN * ky) - 1));
			depth[row * (columns + 1) + column]++;
		}
		if (this.ground.width !== columns || this.ground.height !== rows || !this.image) {
			[this.ground.width, this.ground.height] = [columns, rows];
			this.image = this.ground.getContext("2d").createImageData(columns, rows);
		}
		const pixels = this.image.data;
		const [red, green, blue] = this.warm;
		const alphas = shades(this.open.length);
		for (let row = rows - 1; row >= 0; row--) {
			let sum = 0; // of this row, from the right
			for (let column = columns - 1; column >= 0; column--) {
				const at = row * (columns + 1) + column;
				const own = depth[at];
				sum += own;
				depth[at] = sum + depth[at + columns + 1];
				const pixel = ((rows - 1 - row) * columns + column) * 4;
				pixels[pixel] = red;
				pixels[pixel + 1] = green;
				pixels[pixel + 2] = blue;
				pixels[pixel + 3] = dense && own ? Math.min(255, 90 + 40 * own) : alphas[Math.min(depth[at], alphas.length - 1)];
			}
		}
		this.ground.getContext("2d").putImageData(this.image, 0, 0);
		const c = this.context;
		c.imageSmoothingEnabled = false;
		c.drawImage(this.ground, MARGIN.left, this.height - MARGIN.bottom - rows * CELL, columns * CELL, rows * CELL);
	}

	drawAxes() {
		const drawn = [this.width, this.height, this.maxTime, this.maxPrice, this.unit(), this.colors.grid].join();
		if (this.drawnAxes === drawn) return;
		this.drawnAxes = drawn;
		const c = this.under;
		c.clearRect(0, 0, this.width, this.height);
		const bottom = this.height - MARGIN.bottom;
		c.font = "11px system-ui, sans-serif";
		c.lineWidth = 1;
		c.strokeStyle = this.colors.grid;
		c.fillStyle = this.colors.faint;
		c.textAlign = "center";
		c.beginPath();
		for (const s of ticks(this.maxTime, this.width < 480 ? 4 : 8)) {
			const x = Math.round(this.x(s)) + 0.5;
			c.moveTo(x, MARGIN.top);
			c.lineTo(x, bottom);
			c.fillText(`${s} s`, x, bottom + 15);
		}
		c.textAlign = "right";
		for (const p of ticks(this.maxPrice, this.height < 300 ? 4 : 6)) {
			const y = Math.round(this.y(p)) + 0.5;
			c.moveTo(MARGIN.left, y);
			c.lineTo(this.width - MARGIN.right, y);
			c.fillText(this.format(BigInt(Math.round(p))), MARGIN.left - 8, y + 4);
		}
		c.stroke();
		c.strokeStyle = this.colors.rule;
		c.strokeRect(MARGIN.left + 0.5, MARGIN.top + 0.5, this.inner.width - 1, this.inner.height);
		c.fillText(`response time →`, this.width - MARGIN.right, this.height - 5);
		c.textAlign = "left";
		c.fillText(`↑ ${this.unit()}`, MARGIN.left + 6, MARGIN.top + 14);
	}

	drawRequests() {
		if (this.open.length > DIAMONDS_MAX) return; // the ground has them
		const c = this.context;
		c.strokeStyle = c.fillStyle = this.colors.request;
		if (this.open.length <= OUTLINES_MAX) {
			c.globalAlpha = 0.45;
			c.beginPath();
			for (const r of this.open) this.outline(c, r);
			c.stroke();
			c.globalAlpha = 1;
		}
		c.beginPath();
		for (const r of this.open) diamond(c, this.x(r.maxTime), this.y(r.maxPriceN), 4.5);
		c.fill();
	}

	outline(c, r) {
		const [x, y] = this.corner(r);
		c.moveTo(MARGIN.left, Math.round(y) + 0.5);
		c.lineTo(Math.round(x) + 0.5, Math.round(y) + 0.5);
		c.lineTo(Math.round(x) + 0.5, this.height - MARGIN.bottom);
	}

	drawTasks() {
		const c = this.context;
		const many = this.tasks.length > MANY;
		for (const late of [false, true]) {
			const tasks = this.tasks.filter((r) => r.deadline < this.now === late);
			c.strokeStyle = c.fillStyle = late ? this.colors.bad : this.colors.task;
			c.globalAlpha = many ? 0.2 : 0.42;
			c.beginPath();
			for (const r of tasks.slice(-LINES_MAX)) this.lineOf(c, r);
			c.stroke();
			c.globalAlpha = 1;
			if (many) for (const r of tasks) c.fillRect(this.x(r.maxTime) - 2, this.y(r.maxPriceN) - 2, 4, 4);
			if (many) continue;
			c.beginPath();
			for (const r of tasks) diamond(c, this.x(r.maxTime), this.y(r.maxPriceN), 4.5);
			c.fill();
		}
	}

	lineOf(c, r) {
		const quote = this.quoteOf.get(r.generator);
		if (!quote) return;
		c.moveTo(...this.corner(r));
		c.lineTo(this.x(quote.time), this.y(quote.priceN));
	}

	drawQuotes() {
		const c = this.context;
		const many = this.quotes.length > MANY;
		const radius = many ? 3.5 : 5.5;
		c.lineWidth = 2;
		for (const free of [false, true]) {
			c.beginPath();
			for (const q of this.quotes) if ((q.whyNot === null) === free) dot(c, this.x(q.time), this.y(q.priceN), radius);
			c.fillStyle = free ? this.colors.quote : this.colors.paper;
			c.strokeStyle = free ? this.colors.paper : this.colors.quote;
			c.fill();
			if (!many || !free) c.stroke();
		}
		c.lineWidth = 1;
	}

	drawLit() {
		const c = this.over;
		if (this.wasLit) c.clearRect(0, 0, this.width, this.height);
		this.wasLit = this.lit !== null;
		if (!this.wasLit) return;
		const q = this.quoteOf?.get(this.lit);
		c.lineWidth = 1.5;
		if (q) {
			c.strokeStyle = c.fillStyle = this.colors.quote;
			c.beginPath();
			dot(c, this.x(q.time), this.y(q.priceN), 10);
			c.stroke();
			c.beginPath();
			for (const r of this.tasks) if (r.generator === q.generator) this.lineOf(c, r);
			c.strokeStyle = this.colors.task;
			c.stroke();
			return;
		}
		const r = this.open.find(({ id }) => id === this.lit) ?? this.tasks.find(({ id }) => id === this.lit);
		if (!r) return;
		const [x, y] = this.corner(r);
		c.strokeStyle = c.fillStyle = r.generator ? this.colors.task : this.colors.request;
		c.globalAlpha = 0.2;
		c.fillRect(MARGIN.left, y, x - MARGIN.left, this.height - MARGIN.bottom - y);
		c.globalAlpha = 1;
		c.beginPath();
		this.outline(c, r);
		if (r.generator) this.lineOf(c, r);
		c.stroke();
		c.beginPath();
		diamond(c, x, y, 7);
		c.fill();
	}

	// ---- the pointer

	point(event) {
		if (!event || !this.maxTime) return this.onPoint(null);
		const { offsetX, offsetY } = event;
		let best = null;
		let distance = REACH;
		const look = (x, y, mark) => {
			const d = Math.hypot(x - offsetX, y - offsetY);
			if (d < distance) [best, distance] = [mark, d];
		};
		for (const q of this.quotes) look(this.x(q.time), this.y(q.priceN), { key: q.generator, quote: q });
		for (const r of this.tasks) look(...this.corner(r), { key: r.id, request: r });
		for (const r of this.open) look(...this.corner(r), { key: r.id, request: r });
		this.onPoint(best, offsetX, offsetY);
	}
}

function dot(c, x, y, r) {
	c.moveTo(x + r, y);
	c.arc(x, y, r, 0, 2 * Math.PI);
}

function diamond(c, x, y, r) {
	c.moveTo(x, y - r);
	c.lineTo(x + r, y);
	c.lineTo(x, y + r);
	c.lineTo(x - r, y);
	c.closePath();
}

// Some of them, evenly: enough to know how far they go.
function sample(list) {
	const step = Math.max(1, Math.floor(list.length / SAMPLES));
	return list.filter((_, i) => i % step === 0);
}

// How far an axis goes: all quotes, and nine of ten requests: one with an absurd cap must not squeeze everything else into
// a corner. It stays what it was (@old) as long as that fits, so that the ground is calm.
function reach(values, quotes, old) {
	values.sort((a, b) => a - b);
	const most = values[Math.floor((values.length - 1) * 0.9)] ?? 0;
	const wanted = Math.max(quotes, Math.min(most, 4 * quotes || most), 1e-9);
	return old >= wanted * 1.02 && old <= wanted * 1.6 ? old : wanted * 1.12;
}

// How much of the colour so many rectangles get: steep at first, never so much that a mark can't be seen.
function shades(count) {
	const most = Math.max(6, count);
	const list = new Uint8Array(Math.min(most, 4096) + 1);
	for (let n = 1; n < list.length; n++) list[n] = 10 + Math.round((78 * Math.log1p(n)) / Math.log1p(most));
	return list;
}

// Round numbers from 0 up to @max, about @count of them.
function ticks(max, count) {
	const rough = max / count;
	const power = 10 ** Math.floor(Math.log10(rough));
	const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough);
	const list = [];
	for (let v = step; v <= max * 0.995; v += step) list.push(Number(v.toPrecision(12)));
	return list;
}
