// What all views have in common: a root, a title, and what they ask the API.

import { h, setText } from "./dom.js";

const ASK_MS = 1000; // between two questions of a view, unless it says something else

export class View {
	constructor(app, arg) {
		Object.assign(this, { app, arg, parts: [] });
		this.heading = h("h1", { tabIndex: -1 });
		this.root = h("div", { className: "view" });
	}

	// Something with readColors() and end(), which ends with the view.
	own(part) {
		this.parts.push(part);
		return part;
	}

	// The page's title and the view's heading.
	entitle(title, heading = title) {
		if (heading) setText(this.heading, heading);
		const full = `${title} · Kalypso`;
		if (document.title !== full) document.title = full;
	}

	show() {} // the model has changed
	second() {} // a second has passed

	readColors() {
		for (const part of this.parts) part.readColors();
	}

	end() {
		this.gone = true;
		for (const part of this.parts) part.end();
	}
}

// A view of answers of the API: read() asks, draw(answers) shows them; asked again with new blocks.
export class AskingView extends View {
	constructor(app, arg) {
		super(app, arg);
		this.message = h("div", { className: "message" }, h("p", { textContent: "Loading …" }));
		this.body = h("div", { className: "body", hidden: true });
		this.root.append(this.heading, this.message, this.body);
		this.root.setAttribute("aria-busy", "true");
	}

	show(model) {
		if (model.tip && this.block === model.tip.hash) return;
		this.block = model.tip?.hash;
		this.refresh();
	}

	// Ask: at once, or a second after the last time.
	refresh() {
		if (this.gone || this.waiting || this.settled) return;
		this.waiting = true;
		setTimeout(() => this.ask(), Math.max(0, (this.asked ?? 0) + (this.everyMs ?? ASK_MS) - Date.now()));
	}

	async ask() {
		this.asked = Date.now();
		try {
			const answers = await this.read();
			if (this.gone) return;
			this.message.hidden = true;
			this.body.hidden = false;
			this.draw(answers);
		} catch (error) {
			if (!this.gone) this.fail(error);
		} finally {
			this.waiting = false;
			this.root.setAttribute("aria-busy", "false");
		}
	}

	// What was shown stays, unless there is nothing of that name any more.
	fail({ message, status }) {
		if (status === undefined) throw new Error(message); // a fault of ours
		if (!this.body.hidden && status !== 404) return;
		const again = h("button", { type: "button", className: "button", textContent: "Try again", onclick: () => this.refresh() });
		this.body.hidden = true;
		this.message.hidden = false;
		this.message.replaceChildren(h("p", { className: "bad", textContent: status === 404 ? this.nothing(message) : message }), again);
	}

	nothing(message) {
		return message;
	}
}
