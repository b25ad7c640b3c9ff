// A table of which only the rows in view exist, however many there are.
//
// For a screen reader it is a table (roles, row numbers, how many there are). The first cell of each row is a link; up and
// down go from row to row.

import { h, setAttribute } from "./dom.js";

const SPARE = 1; // rows above and below what is in view

export class List {
	// @columns: [{name, label}], @draw(cells, item, row) fills a row, @href(item) is where it leads, @onLight(key | null)
	// hears what is pointed at.
	constructor({ label, columns, key, draw, href, empty, onLight }) {
		Object.assign(this, { columns, key, draw, href, onLight, items: [], rows: new Map(), free: [], top: 0 });
		const head = h("div", { role: "row", className: "row head" });
		for (const c of columns) head.append(h("span", { role: "columnheader", className: `cell ${c.name}`, textContent: c.label }));
		this.space = h("div", { className: "space", role: "presentation" });
		this.scroller = h("div", { className: "scroll", role: "rowgroup" }, this.space);
		this.empty = h("p", { className: "empty", textContent: empty });
		this.table = h("div", { className: "list", role: "table", "aria-label": label }, h("div", { role: "rowgroup" }, head), this.scroller);
		this.root = h("div", {}, this.table, this.empty);
		this.scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
		this.scroller.addEventListener("keydown", (e) => this.walk(e));
		new ResizeObserver(() => this.measure()).observe(this.scroller);
		if (onLight) this.listen();
	}

	listen() {
		const light = (e) => this.onLight(e.target.closest?.(".row")?.dataset.key ?? null);
		const dark = () => this.onLight(null);
		this.scroller.addEventListener("pointerover", light);
		this.scroller.addEventListener("focusin", light);
		this.scroller.addEventListener("pointerleave", dark);
		this.scroller.addEventListener("focusout", dark);
	}

	measure() {
		this.height = this.scroller.clientHeight;
		const row = parseFloat(getComputedStyle(this.scroller).getPropertyValue("--row"));
		if (row !== this.rowHeight) {
			this.rowHeight = row;
			this.resize();
		}
		this.render();
	}

	resize() {
		const height = this.items.length * (this.rowHeight ?? 0);
		if (height === this.spaceHeight) return;
		this.spaceHeight = height;
		this.space.style.height = `${height}px`;
		this.scroller.style.setProperty("--height", `${height}px`);
	}

	// The only place that asks where it is: asking after something was written would lay everything out at once.
	scrolled() {
		this.top = this.scroller.scrollTop;
		this.render();
	}

	scrollTo(top) {
		this.scroller.scrollTop = this.top = top;
	}

	// What there is now. Who has scrolled down keeps what he looks at.
	show(items) {
		const { top } = this;
		const anchor = top > 0 && this.rowHeight ? Math.floor(top / this.rowHeight) : -1;
		const before = anchor >= 0 ? this.items[anchor] : undefined;
		this.items = items;
		this.resize();
		if (before) {
			const at = items.indexOf(before);
			if (at >= 0 && at !== anchor) this.scrollTo(top + (at - anchor) * this.rowHeight);
		}
		const none = items.length === 0;
		if (this.table.hidden !== none) this.table.hidden = none;
		if (this.empty.hidden === none) this.empty.hidden = !none;
		setAttribute(this.table, "aria-rowcount", String(items.length + 1));
		this.render();
	}

	render() {
		if (!this.rowHeight || !this.items.length) return this.keep(0, -1);
		const first = Math.max(0, Math.floor(this.top / this.rowHeight) - SPARE);
		this.keep(first, Math.min(this.items.length - 1, Math.ceil((this.top + this.height) / this.rowHeight) + SPARE));
	}

	// Rows for the items from @first to @last, and for no others.
	keep(first, last) {
		const focused = this.scroller.contains(document.activeElement) ? document.activeElement.closest(".row") : null;
		const old = this.rows;
		this.rows = new Map();
		const fresh = [];
		for (let i = first; i <= last; i++) {
			const k = this.key(this.items[i]);
			const row = old.get(k);
			if (!row) fresh.push(i);
			else this.place(row, i);
			old.delete(k);
			this.rows.set(k, row);
		}
		const free = [...old.values()];
		for (const i of fresh) {
			const k = this.key(this.items[i]);
			const row = free.pop() ?? this.free.pop() ?? this.make();
			row.dataset.key = k;
			this.rows.set(k, row);
			this.place(row, i);
			if (!row.parentNode) this.space.append(row);
		}
		for (const row of free) {
			if (row === focused) this.refocus = row.index;
			row.remove();
			this.free.push(row);
		}
		if (this.refocus !== undefined && last >= first) {
			const key = this.key(this.items[Math.min(this.refocus, this.items.length - 1)]);
			this.rows.get(key)?.querySelector("a")?.focus({ preventScroll: true });
			this.refocus = undefined;
		}
	}

	make() {
		const row = h("div", { role: "row", className: "row" });
		this.columns.forEach((c, i) => {
			const cell = h("span", { role: "cell", className: `cell ${c.name}` });
			if (i === 0) cell.append(this.href ? h("a") : h("span"));
			row.append(cell);
		});
		row.cells = [...row.children].map((cell, i) => (i === 0 ? cell.firstChild : cell));
		return row;
	}

	place(row, i) {
		const item = this.items[i];
		if (row.index !== i) {
			row.index = i;
			setAttribute(row, "aria-rowindex", String(i + 2));
		}
		const top = i * this.rowHeight;
		if (row.top !== top) row.style.top = `${(row.top = top)}px`;
		if (this.href) {
			const href = this.href(item);
			if (row.href !== href) row.cells[0].href = row.href = href;
		}
		this.draw(row.cells, item, row);
	}

	walk(e) {
		const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
		const row = document.activeElement.closest?.(".row");
		if (!step || !row || !this.scroller.contains(row)) return;
		e.preventDefault();
		const i = Math.max(0, Math.min(this.items.length - 1, row.index + step));
		const [top, bottom] = [i * this.rowHeight, (i + 1) * this.rowHeight];
		if (top < this.top) this.scrollTo(top);
		else if (bottom > this.top + this.height) this.scrollTo(bottom - this.height);
		this.render();
		this.rows.get(this.key(this.items[i]))?.querySelector("a")?.focus({ preventScroll: true });
	}
}

// A mark of the colour of what it stands for; the words beside it say the same.
export function setMark(row, kind) {
	if (row.kind === kind) return;
	row.kind = kind;
	row.dataset.kind = kind;
}
