// What a hop over the bus takes, by its median: a socket file, TCP, TCP under CURVE; by turns, from process to process.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../../deploy/local/chain.mjs";
import { freePort } from "../../../deploy/local/processes.mjs";

export async function measure() {
	const folder = mkdtempSync(join(tmpdir(), "kalypso-hop-"));
	try {
		execFileSync(join(ROOT, "build/release/bin/kalypso"), ["keys", "make", folder]);
		const ports = [await freePort(), await freePort()].map(String);
		const out = execFileSync(join(ROOT, "build/bench/hop"), [folder, ...ports], { encoding: "utf8", timeout: 300_000 });
		return out.trim().split("\n").map((line) => {
			const [name, value, unit] = line.split(" ");
			return { name, value: Number(value), unit };
		});
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}
