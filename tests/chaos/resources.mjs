// What a process takes of the machine, as the kernel tells it.
import { readFileSync, readdirSync } from "node:fs";

export function portraitOf(pid) {
	const status = readFileSync(`/proc/${pid}/status`, "utf8");
	return {
		rssMib: Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) / 1024,
		descriptors: readdirSync(`/proc/${pid}/fd`).length,
		asan: readFileSync(`/proc/${pid}/maps`, "utf8").includes("libasan"),
	};
}
