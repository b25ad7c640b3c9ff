// Queues jobs and gives each to a proving process that has nothing to do.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { log } from "./log.mjs";
import { Refusal } from "./refusal.mjs";

const WORKER = fileURLToPath(new URL("./worker.mjs", import.meta.url));
const RESTART_DELAY_MS = 1000;

// A process and the job it works at. A process that dies or takes too long is replaced, and its
// job fails: the caller decides whether to ask again.
class Lane {
	constructor(pool) {
		this.pool = pool;
		this.job = null;
		this.ready = false;
		this.rss = 0;
	}

	start() {
		return new Promise((resolve, reject) => {
			this.started = { resolve, reject };
			this.why = "the proving process ended";
			// Bytes travel as they are; whatever a library prints goes to stderr.
			this.child = fork(WORKER, {
				serialization: "advanced",
				stdio: ["ignore", 2, 2, "ipc"],
			});
			this.child.on("message", (message) => this.onMessage(message));
			this.child.on("error", (error) => this.onError(error));
			this.child.on("exit", () => this.onExit());
			this.child.send(this.pool.settings);
		});
	}

	// Where there was nothing to start, no exit follows.
	onError(error) {
		this.why = error.message;
		if (this.child.pid === undefined) {
			this.onExit();
		}
	}

	onMessage({ ready, failed, warning, result, error, rss }) {
		this.rss = rss;
		if (failed) {
			this.why = failed;
			return;
		}
		if (warning) {
			log.warn("prover.priority_kept", { reason: warning });
		}
		if (ready) {
			this.ready = true;
			this.started.resolve(ready);
		} else {
			this.finish(error ? new Refusal("prover_failed", error) : null, result);
		}
		this.pool.dispatch();
	}

	onExit() {
		const wasReady = this.ready;
		this.ready = false;
		this.rss = 0;
		this.started.reject(new Error(this.why));
		this.finish(new Refusal("prover_failed", this.why));
		if (this.pool.closed || !this.pool.opened) {
			return;
		}
		log.error("prover.process_lost", { reason: this.why });
		if (!wasReady) {
			this.pool.refuseWaiting("prover_failed", this.why);
		}
		const again = () => this.pool.closed || this.start().catch(() => {});
		setTimeout(again, wasReady ? 0 : RESTART_DELAY_MS);
	}

	take(job) {
		this.job = job;
		const seconds = this.pool.jobTimeout;
		this.timer = setTimeout(() => {
			this.why = `no answer from the proving process in ${seconds} s`;
			this.child.kill("SIGKILL");
		}, seconds * 1000);
		const { market, call, inputs, proof } = job;
		this.child.send({ market, call, inputs, proof });
	}

	finish(error, result) {
		const job = this.job;
		if (!job) {
			return;
		}
		clearTimeout(this.timer);
		this.job = null;
		if (error) {
			job.reject(error);
		} else {
			job.resolve(result);
		}
	}
}

export class Pool {
	constructor({ dirs, concurrency, queueLimit, jobTimeout, warmUp, nice, idle }) {
		this.settings = { dirs, warmUp, nice, idle };
		this.queueLimit = queueLimit;
		this.jobTimeout = jobTimeout;
		this.waiting = [];
		this.lanes = Array.from({ length: concurrency }, () => new Lane(this));
		this.opened = false;
		this.stopping = false;
		this.closed = false;
	}

	// Gives the names of the markets.
	async open() {
		const [markets] = await Promise.all(this.lanes.map((lane) => lane.start()));
		this.opened = true;
		return markets;
	}

	// job: market, call, inputs, proof; secondsLeft() until its deadline, or Infinity.
	run(job) {
		if (this.stopping) {
			throw new Refusal("stopping", "the prover is about to end");
		}
		if (this.waiting.length >= this.queueLimit) {
			throw new Refusal("busy", `${this.waiting.length} calls wait already`);
		}
		return new Promise((resolve, reject) => {
			this.waiting.push(Object.assign(job, { resolve, reject }));
			this.dispatch();
		});
	}

	// Nobody waits for it any more: not worth starting.
	forget(job) {
		this.waiting = this.waiting.filter((other) => other !== job);
	}

	dispatch() {
		for (const lane of this.lanes) {
			while (lane.ready && !lane.job && this.waiting.length) {
				const job = this.takeMostUrgent();
				if (job.secondsLeft() > 0) {
					lane.take(job);
				} else {
					job.reject(
						new Refusal("deadline_passed", "the deadline passed while the call waited"),
					);
				}
			}
		}
	}

	takeMostUrgent() {
		const left = this.waiting.map((job) => job.secondsLeft());
		const [job] = this.waiting.splice(left.indexOf(Math.min(...left)), 1);
		return job;
	}

	refuseWaiting(error, reason) {
		for (const job of this.waiting.splice(0)) {
			job.reject(new Refusal(error, reason));
		}
	}

	// Of this process and the proving ones together.
	megabytes() {
		const bytes = this.lanes.reduce((sum, lane) => sum + lane.rss, process.memoryUsage.rss());
		return Math.round(bytes / 1e6);
	}

	busy() {
		return this.waiting.length + this.lanes.filter((lane) => lane.job).length;
	}

	// From here on new jobs are refused; those that it has go on.
	takeNoMore() {
		this.stopping = true;
	}

	// What still waits is refused; what is being worked at is lost.
	close() {
		this.stopping = true;
		this.closed = true;
		this.refuseWaiting("stopping", "the prover is about to end");
		for (const lane of this.lanes) {
			lane.child.kill("SIGKILL");
		}
	}
}
