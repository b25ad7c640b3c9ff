// The map of a market: price upwards, response time to the right. Quotes are points, a request is the corner of what it
// accepts, a match draws the line between the two.

const MARGIN = { left: 62, right: 18, top: 16, bottom: 40 };
const RECTANGLES_MAX = 150; // more requests than this: corners only
const FLIGHT_MS = 1600; // of a match
const REACH = 14; // how far from a mark the pointer may be

const COLORS = ["grid", "axis", "text", "quote", "busy", "request", "task", "late", "surface"];

export class MarketMap {
	// Draws on @canvas; format(units) and unit() are for prices, onPoint(mark | null, x, y) says what the pointer is at.
	constructor(canvas, { format, unit, onPoint }) {
		Object.assign(this, { canvas, format, unit, onPoint, marks: [], flights: [], lit: null });
		this.context = canvas.getContext("2d");
		this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
		new ResizeObserver(() => this.resize()).observe(canvas);
		matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.readColors());
		canvas.addEventListener("pointermove", (e) => this.point(e));
		canvas.addEventListener("pointerleave", () => this.onPoint(null));
		this.readColors();
	}

	readColors() {
		const style = getComputedStyle(this.canvas);
		this.colors = Object.fromEntries(COLORS.map((c) => [c, style.getPropertyValue(`--map-${c}`).trim()]));
		this.soon();
	}

	resize() {
		const ratio = devicePixelRatio || 1;
		const { width, height } = this.canvas.getBoundingClientRect();
		Object.assign(this, { width, height });
		this.canvas.width = Math.round(width * ratio);
		this.canvas.height = Math.round(height * ratio);
		this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
		this.soon();
	}

	// What there is: @quotes and @requests of the model, each quote with `available`.
	show(quotes, requests, now) {
		Object.assign(this, { quotes, requests, now });
		this.scale();
		this.soon();
	}

	// Light up what the reader looks at elsewhere; null: nothing.
	light(key) {
		this.lit = key;
		this.soon();
	}

	fly(request, quote) {
		if (!this.calm && request && quote) this.flights.push({ request, quote, began: performance.now() });
		this.soon();
	}

	// ---- scale

	scale() {
		const times = this.quotes.map((q) => q.time);
		const prices = this.quotes.map((q) => Number(q.price));
		// One request with an absurd cap must not squeeze everything else into a corner.
		const caps = (values, quotes) => {
			const sorted = [...values].sort((a, b) => a - b);
			const most = sorted[Math.floor((sorted.length - 1) * 0.9)] ?? 0;
			return Math.max(...quotes, Math.min(most, 4 * Math.max(...quotes, 0) || most), 1e-9) * 1.12;
		};
		this.maxTime = caps(this.requests.map((r) => r.maxTime), times);
		this.maxPrice = caps(this.requests.map((r) => Number(r.maxPrice)), prices);
	}

	x(time) {
		const inner = this.width - MARGIN.left - MARGIN.right;
		return MARGIN.left + Math.min(time / this.maxTime, 1) * inner;
	}

	y(price) {
		const inner = this.height - MARGIN.top - MARGIN.bottom;
		return this.height - MARGIN.bottom - Math.min(Number(price) / this.maxPrice, 1) * inner;
	}

	// ---- drawing

	soon() {
		this.frame ??= requestAnimationFrame((t) => {
			this.frame = null;
			if (this.width && this.quotes) this.draw(t);
		});
	}

	draw(t) {
		this.context.clearRect(0, 0, this.width, this.height);
		this.marks = [];
		this.drawGrid();
		this.drawRequests();
		this.drawTasks();
		this.drawQuotes();
		this.drawFlights(t);
		if (this.flights.length) this.soon();
	}

	drawGrid() {
		const c = this.context;
		const bottom = this.height - MARGIN.bottom;
		c.font = "11px system-ui, sans-serif";
		c.lineWidth = 1;
		c.strokeStyle = this.colors.grid;
		c.fillStyle = this.colors.text;
		c.textAlign = "center";
		for (const s of ticks(this.maxTime, this.width < 480 ? 4 : 7)) {
			line(c, this.x(s), MARGIN.top, this.x(s), bottom);
			c.fillText(`${s} s`, this.x(s), bottom + 16);
		}
		c.textAlign = "right";
		for (const p of ticks(this.maxPrice, 5)) {
			line(c, MARGIN.left, this.y(p), this.width - MARGIN.right, this.y(p));
			c.fillText(this.format(BigInt(Math.round(p))), MARGIN.left - 8, this.y(p) + 4);
		}
		c.strokeStyle = this.colors.axis;
		line(c, MARGIN.left, bottom, this.width - MARGIN.right, bottom);
		line(c, MARGIN.left, MARGIN.top, MARGIN.left, bottom);
		c.textAlign = "center";
		c.fillText("response time", (MARGIN.left + this.width - MARGIN.right) / 2, this.height - 8);
		c.save();
		c.translate(13, (MARGIN.top + bottom) / 2);
		c.rotate(-Math.PI / 2);
		c.fillText(`price, ${this.unit()}`, 0, 0);
		c.restore();
	}

	drawRequests() {
		const c = this.context;
		const open = this.requests.filter((r) => r.state === "open");
		const all = open.length <= RECTANGLES_MAX;
		const bottom = this.height - MARGIN.bottom;
		for (const r of open) {
			const [x, y] = [this.x(r.maxTime), this.y(r.maxPrice)];
			const lit = this.lit === r.id;
			c.strokeStyle = c.fillStyle = this.colors.request;
			if (all || lit) {
				c.globalAlpha = lit ? 0.16 : 0.05;
				c.fillRect(MARGIN.left, y, x - MARGIN.left, bottom - y);
				c.globalAlpha = lit ? 1 : 0.35;
				c.strokeRect(MARGIN.left, y, x - MARGIN.left, bottom - y);
			}
			c.globalAlpha = 1;
			diamond(c, x, y, lit ? 7 : 5);
			this.marks.push({ x, y, key: r.id, request: r });
		}
	}

	drawTasks() {
		const c = this.context;
		for (const r of this.requests) {
			if (r.state !== "assigned") continue;
			const [x, y] = [this.x(r.maxTime), this.y(r.maxPrice)];
			const quote = this.quotes.find((q) => q.generator === r.generator);
			c.strokeStyle = c.fillStyle = r.deadline < this.now ? this.colors.late : this.colors.task;
			if (quote) {
				c.globalAlpha = this.lit === r.id ? 1 : 0.4;
				line(c, x, y, this.x(quote.time), this.y(quote.price));
			}
			c.globalAlpha = 1;
			diamond(c, x, y, this.lit === r.id ? 7 : 5);
			this.marks.push({ x, y, key: r.id, request: r });
		}
	}

	drawQuotes() {
		const c = this.context;
		for (const q of this.quotes) {
			const [x, y] = [this.x(q.time), this.y(q.price)];
			const lit = this.lit === q.generator;
			c.beginPath();
			c.arc(x, y, lit ? 8 : 6, 0, 2 * Math.PI);
			c.fillStyle = q.available ? this.colors.quote : this.colors.surface;
			c.strokeStyle = q.available ? this.colors.surface : this.colors.busy;
			c.lineWidth = 2;
			c.fill();
			c.stroke();
			c.lineWidth = 1;
			this.marks.push({ x, y, key: q.generator, quote: q });
		}
	}

	drawFlights(t) {
		const c = this.context;
		this.flights = this.flights.filter((f) => t - f.began < FLIGHT_MS);
		for (const { request: r, quote: q, began } of this.flights) {
			const part = Math.max(0, (t - began) / FLIGHT_MS);
			const gone = Math.min(1, part * 2);
			const [x1, y1, x2, y2] = [this.x(r.maxTime), this.y(r.maxPrice), this.x(q.time), this.y(q.price)];
			const ease = 1 - (1 - gone) ** 3;
			const [x, y] = [x1 + (x2 - x1) * ease, y1 + (y2 - y1) * ease];
			c.strokeStyle = c.fillStyle = this.colors.task;
			c.globalAlpha = Math.min(1, 2 - 2 * part);
			c.lineWidth = 2.5;
			line(c, x1, y1, x, y);
			c.beginPath();
			c.arc(x, y, 4 + 10 * Math.max(0, part - 0.5), 0, 2 * Math.PI);
			part < 0.5 ? c.fill() : c.stroke();
			c.lineWidth = 1;
			c.globalAlpha = 1;
		}
	}

	// ---- the pointer

	point({ offsetX, offsetY }) {
		let best = null;
		let distance = REACH;
		for (const mark of this.marks) {
			const d = Math.hypot(mark.x - offsetX, mark.y - offsetY);
			if (d <= distance) [best, distance] = [mark, d];
		}
		this.onPoint(best, offsetX, offsetY);
	}
}

function line(c, x1, y1, x2, y2) {
	c.beginPath();
	c.moveTo(x1, y1);
	c.lineTo(x2, y2);
	c.stroke();
}

function diamond(c, x, y, r) {
	c.beginPath();
	c.moveTo(x, y - r);
	c.lineTo(x + r, y);
	c.lineTo(x, y + r);
	c.lineTo(x - r, y);
	c.closePath();
	c.fill();
}

// Round numbers from 0 up to @max, about @count of them.
function ticks(max, count) {
	const rough = max / count;
	const power = 10 ** Math.floor(Math.log10(rough));
	const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough);
	const list = [];
	for (let v = step; v <= max * 1.0001; v += step) list.push(Number(v.toPrecision(12)));
	return list;
}
