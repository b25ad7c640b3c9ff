// The few lines that stand between what is known and the document.

// An element with properties, attributes (names with a dash, and role), data attributes and children. Text only ever
// comes in as text.
export function h(tag, props = {}, ...children) {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(props)) {
		if (name === "data") Object.assign(node.dataset, value);
		else if (name.includes("-") || name === "role") node.setAttribute(name, value);
		else node[name] = value;
	}
	node.append(...children);
	return node;
}

// Only what differs is written: what is written is laid out again.
export function setText(node, text) {
	if (node.shown === text) return;
	node.shown = text;
	node.textContent = text;
}

export function setAttribute(node, name, value) {
	if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

// Make @parent's children those of @items: keyed nodes stay, so that focus and pointer stay where they are.
export function fill(parent, items, key, make, update = () => {}) {
	const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
	let at = parent.firstElementChild;
	for (const item of items) {
		const k = String(key(item));
		let node = old.get(k);
		old.delete(k);
		if (!node) {
			node = make(item);
			node.dataset.key = k;
		}
		update(node, item);
		if (node === at) at = at.nextElementSibling;
		else parent.insertBefore(node, at);
	}
	for (const node of old.values()) node.remove();
}

// What the style sheet says a colour is, in this scheme, for a canvas.
export function colors(names) {
	const probe = document.body.appendChild(h("i", { hidden: true }));
	const all = names.map((name) => {
		probe.style.color = `var(--${name})`;
		return [name, getComputedStyle(probe).color];
	});
	probe.remove();
	return Object.fromEntries(all);
}

// A canvas as sharp as the screen, and of its size: its context, in pixels of the page.
export function fit(canvas) {
	const ratio = devicePixelRatio || 1;
	const { width, height } = canvas.getBoundingClientRect();
	canvas.width = Math.round(width * ratio);
	canvas.height = Math.round(height * ratio);
	const context = canvas.getContext("2d");
	context.setTransform(ratio, 0, 0, ratio, 0, 0);
	return { context, width, height };
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// A titled part of a view.
export function panel(id, title, ...children) {
	const heading = h("h2", { id: `${id}-title` }, title, " ", h("span", { className: "count" }));
	return h("section", { id, className: "panel", "aria-labelledby": `${id}-title` }, heading, ...children);
}

async function copy(text) {
	if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
	// A page that came over plain http from elsewhere has none.
	const area = document.body.appendChild(h("textarea", { value: text, className: "hidden" }));
	area.select();
	const done = document.execCommand("copy");
	area.remove();
	return done;
}

// A button that copies what @text() is then, and says whether it did.
export function copyButton(label, text) {
	const said = h("span", { role: "status" });
	const button = h("button", { type: "button", className: "button", textContent: label });
	button.addEventListener("click", async () => {
		setText(said, "");
		setText(said, (await copy(text())) ? "Copied." : "The browser doesn't let it be copied.");
		button.focus();
	});
	return h("p", { className: "copy" }, button, said);
}

// Names and values, as a list of definitions.
export function facts(parent, pairs) {
	fill(
		parent,
		pairs.filter(([, value]) => value !== null && value !== undefined),
		([name]) => name,
		([name]) => h("div", {}, h("dt", { textContent: name }), h("dd")),
		(node, [, value, className = ""]) => {
			const dd = node.children[1];
			dd.className = className;
			if (value instanceof Node) dd.replaceChildren(value);
			else setText(dd, String(value));
		},
	);
}
