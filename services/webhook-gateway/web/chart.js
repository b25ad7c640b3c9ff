// Charts over time, drawn by uPlot (vendor/), which is fetched when the first of them has something to show.

import { colors, h } from "./dom.js";

const FONT = "11px system-ui, sans-serif";
let loaded;

function load() {
	loaded ??= new Promise((resolve, reject) => {
		const script = h("script", { src: "vendor/uPlot.iife.min.js", onload: resolve, onerror: () => reject(new Error("no charts")) });
		document.head.append(script);
	});
	return loaded;
}

export class Chart {
	// @series: [{label, color, kind: "points" | "line" | "bars"}]; format(value) writes y, formatX(value) x (left out: a
	// time, in seconds).
	constructor(root, { series, format, formatX, height = 150 }) {
		Object.assign(this, { root, series, format, formatX, height, data: null });
		root.classList.add("chart");
		this.sizes = new ResizeObserver(() => this.plot?.setSize(this.size()));
		this.sizes.observe(root);
	}

	size() {
		return { width: Math.max(120, this.root.clientWidth), height: this.height };
	}

	make() {
		if (this.ended || this.plot) return;
		this.colors = colors(["faint", "grid", ...this.series.map((s) => s.color)]);
		const axis = {
			stroke: () => this.colors.faint,
			font: FONT,
			grid: { stroke: () => this.colors.grid, width: 1 },
			ticks: { show: false },
		};
		const values = this.formatX && ((u, all) => all.map((v) => (Number.isInteger(v) ? this.formatX(v) : "")));
		this.plot = new uPlot(
			{
				...this.size(),
				padding: [10, 26, 0, 0],
				legend: { show: false },
				cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
				scales: { x: { time: !this.formatX }, y: { range: (u, min, max) => [0, max > 0 ? max * 1.15 : 1] } },
				axes: [
					{ ...axis, space: 80, size: 24, ...(values ? { values } : { values: (u, all) => all.map(timeOf(all)) }) },
					{ ...axis, size: 52, space: 32, values: (u, all) => all.map(this.format) },
				],
				series: [{}, ...this.series.map((s) => this.seriesOf(s))],
			},
			this.data,
			this.root,
		);
	}

	seriesOf({ label, color, kind }) {
		const stroke = () => this.colors[color];
		if (kind === "points") return { label, stroke, paths: () => null, points: { show: true, size: 5, fill: stroke, stroke } };
		if (kind === "bars") return { label, stroke, fill: stroke, paths: uPlot.paths.bars({ size: [0.7, 40] }), points: { show: false } };
		return { label, stroke, width: 2, points: { show: false }, spanGaps: true };
	}

	// [x, y of the first series, y of the second …]; @text says the same to who can't see it.
	show(data, text) {
		this.data = data;
		this.root.setAttribute("role", "img");
		this.root.setAttribute("aria-label", text);
		if (this.plot) return this.plot.setData(data);
		load()
			.then(() => this.make())
			.catch(() => (this.root.textContent = "The charts couldn't be loaded."));
	}

	readColors() {
		if (!this.plot) return;
		this.colors = colors(["faint", "grid", ...this.series.map((s) => s.color)]);
		this.plot.redraw(false);
	}

	end() {
		this.ended = true;
		this.sizes.disconnect();
		this.plot?.destroy();
	}
}

// Hours and minutes; with seconds if the ticks are closer than a minute.
function timeOf(all) {
	const close = all.length > 1 && all[1] - all[0] < 60;
	return (s) => new Date(s * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", ...(close ? { second: "2-digit" } : {}) });
}

// The middle of each @window newest values up to each.
export function rolling(values, window) {
	return values.map((_, i) => {
		const some = values.slice(Math.max(0, i - window + 1), i + 1).sort((a, b) => a - b);
		return some[some.length >> 1];
	});
}
