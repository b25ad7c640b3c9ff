// Whether a local market is up: its supervisor writes its process id, and takes the file away at its end.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const pidFile = (folder) => join(folder, "supervisor.pid");

// The process id of the market's supervisor; undefined if there is none.
export function supervisorOf(folder) {
	if (!existsSync(pidFile(folder))) return undefined;
	const pid = Number(readFileSync(pidFile(folder), "utf8"));
	try {
		process.kill(pid, 0);
		return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("local/up.mjs") ? pid : undefined;
	} catch {
		return undefined;
	}
}

export function refuseIfUp(folder) {
	const pid = supervisorOf(folder);
	if (pid) throw new Error(`a market is up in ${folder} (process ${pid}): stop it with make down first`);
}
