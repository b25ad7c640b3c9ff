// Questions to the API.

export class Problem extends Error {
	constructor(text, status) {
		super(text);
		this.status = status; // 0: no answer at all
	}
}

// The document at @path; a Problem if there is none.
export async function ask(path) {
	const answer = await fetch(path, { headers: { accept: "application/json" } }).catch(() => null);
	if (!answer) throw new Problem("The gateway doesn't answer.", 0);
	if (!answer.ok) {
		const problem = await answer.json().catch(() => ({}));
		throw new Problem(problem.detail ?? `${path}: ${answer.status}`, answer.status);
	}
	return answer.json().catch(() => {
		throw new Problem("The answer was cut short.", 0);
	});
}

// All pages of a list, at most @pagesMax of @limit; each is given to take() as it comes. The oldest number that they are good for.
export async function askAll(path, key, take, pagesMax = 50, limit = 1000) {
	let seq = Infinity;
	let after = "";
	for (let i = 0; i < pagesMax; i++) {
		const page = await ask(`${path}${path.includes("?") ? "&" : "?"}limit=${limit}${after}`);
		seq = Math.min(seq, page.as_of?.seq ?? 0);
		page[key].forEach(take);
		if (!page.next) break;
		after = `&after=${page.next}`;
	}
	return seq;
}
