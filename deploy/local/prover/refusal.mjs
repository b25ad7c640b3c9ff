// Why a call is not answered as asked, as the prover API says it.

const STATUS = {
	bad_request: 400,
	unknown_path: 404,
	method_not_allowed: 405,
	body_too_large: 413,
	invalid_inputs: 422,
	prover_failed: 500,
	not_supported: 501,
	busy: 503,
	stopping: 503,
	deadline_passed: 504,
};

export class Refusal extends Error {
	constructor(error, reason, headers = {}) {
		super(reason);
		this.status = STATUS[error];
		this.headers = this.status === 503 ? { "Retry-After": "1", ...headers } : headers;
		this.body = { error, reason };
	}
}
