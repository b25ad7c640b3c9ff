// Outside tools, and whether they can be used here: each says why not, or nothing.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const works = (...command) => spawnSync(command[0], command.slice(1), { stdio: "ignore" }).status === 0;

export const traces = () => works("strace", "-o", "/dev/null", "true") ? undefined : "strace isn't there, or may not trace";

export function mounts() {
	const folder = mkdtempSync(join(tmpdir(), "kalypso-mount-"));
	const can = works("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder);
	if (can) works("umount", folder);
	rmSync(folder, { recursive: true, force: true });
	return can ? undefined : "a small file system can't be mounted here: not root";
}

export const compiles = () => works("gcc", "--version") ? undefined : "gcc isn't there";
