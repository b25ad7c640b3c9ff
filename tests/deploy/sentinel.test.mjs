// components/redis-sentinel: the services' one address leads to a master again when one dies, and to no other.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { ROOT } from "../../deploy/local/chain.mjs";

const OWN = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc"];
const runs = (command, ...args) => spawnSync(command, args, { stdio: "ignore" }).status === 0;

const skip = !runs("haproxy", "-v")
	? "no haproxy to lead to Redis with"
	: !runs(...OWN, "mount", "--bind", "/etc/hosts", "/etc/hosts")
		? "no network of one's own can be made here"
		: false;

test("a master that dies is replaced, and isn't believed when it comes back", { skip, timeout: 240_000 }, () => {
	const folder = mkdtempSync(join(tmpdir(), "kalypso-sentinel-"));
	try {
		const script = join(ROOT, "tests/deploy/k8s/sentinel.sh");
		const component = join(ROOT, "deploy/k8s/components/redis-sentinel");
		const { stdout, stderr, status } = spawnSync(OWN[0], [...OWN.slice(1), script, component, folder], { encoding: "utf8", timeout: 230_000 });
		assert.equal(status, 0, stdout + stderr);
		const said = Object.fromEntries(stdout.trim().split("\n").map((line) => line.split(" ")));
		assert.equal(said.first, "master");
		assert.ok(Number(said.away_ms) > 0);
		assert.equal(said.kept, "1", "what was written long before");
		assert.equal(said.wrong, "0", "turns in which the old master was asked");
		assert.equal(said.last, "1");
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
});
