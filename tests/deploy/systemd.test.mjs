// deploy/systemd: units that systemd takes, of services that may do little, and settings that are options.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { ROOT } from "../../deploy/local/chain.mjs";
import { SERVICES } from "../../deploy/local/market.mjs";

const UNITS = join(ROOT, "deploy/systemd");
const MOST_EXPOSED = 15; // of 100, by systemd's own reckoning; a unit that says nothing has 96
const SECRETS = {
	"task-publisher": ["engine_key", "relayer_key", "key_password"],
	"slasher-watcher": ["slasher_key", "key_password"],
	"webhook-gateway": ["webhook_key", "webhook_token"],
};

const read = (path) => readFileSync(join(UNITS, path), "utf8");

function has(program) {
	try {
		execFileSync(program, ["--version"], { stdio: "ignore" });
		return true;
	} catch {
		return false;
	}
}
const skip = has("systemd-analyze") ? false : "no systemd-analyze to check deploy/systemd with";

// A root with systemd's own units, ours, and programs that they name.
const root = mkdtempSync(join(tmpdir(), "kalypso-units-"));
after(() => rmSync(root, { recursive: true }));
const folder = join(root, "etc/systemd/system");
mkdirSync(folder, { recursive: true });
mkdirSync(join(root, "usr/bin"), { recursive: true });
mkdirSync(join(root, "usr/lib/systemd"), { recursive: true });
cpSync(UNITS, folder, { recursive: true });
for (const name of SERVICES) writeFileSync(join(root, "usr/bin", name), "#!/bin/true\n", { mode: 0o755 });

// Standard output and error of systemd-analyze; throws if it fails.
function analyze(...args) {
	return execFileSync("sh", ["-c", 'exec systemd-analyze "$@" 2>&1', "sh", ...args], { encoding: "utf8" });
}

for (const name of SERVICES) {
	const unit = `kalypso@${name}.service`;

	test(`${unit}: systemd takes it, with nothing to say`, { skip }, () => {
		const said = analyze("verify", "--man=no", "--recursive-errors=no", `--root=${root}`, unit);
		assert.equal(said, "");
	});

	test(`${unit}: its reach is small`, { skip }, () => {
		analyze("security", "--offline=yes", "--no-pager", `--threshold=${MOST_EXPOSED}`, `--root=${root}`, unit);
	});

	test(`${unit}: it has its own secrets, as credentials`, () => {
		const given = SECRETS[name] ?? [];
		const dropIn = readdirSync(UNITS).includes(`${unit}.d`) ? read(`${unit}.d/keys.conf`) : "";
		const names = [...dropIn.matchAll(/^LoadCredential=([a-z-]+):\/etc\/kalypso\/keys\/[a-z-]+$/gm)].map(([, n]) => n.replaceAll("-", "_"));
		const variables = [...dropIn.matchAll(/^Environment=KALYPSO_([A-Z_]+)_FILE=%d\/([a-z-]+)$/gm)].map(([, v, n]) => [v.toLowerCase(), n.replaceAll("-", "_")]);
		assert.deepEqual(names, given);
		assert.deepEqual(variables, given.map((n) => [n, n]));
		const secrets = [...readFileSync(join(ROOT, "services", name, "config.def"), "utf8").matchAll(/^OPT\(SECRET,\s*(\w+)/gm)].map(([, n]) => n);
		assert.deepEqual([...secrets].sort(), [...given].sort(), "all that it needs");
	});
}

test("what would open a unit is noticed", { skip }, () => {
	const open = join(folder, "kalypso-open.service");
	writeFileSync(open, read("kalypso@.service").replaceAll("%i", "matcher").replace(/^(ProtectSystem|SystemCallFilter|CapabilityBoundingSet)=.*\n/gm, ""));
	assert.throws(() => analyze("security", "--offline=yes", "--no-pager", `--threshold=${MOST_EXPOSED}`, `--root=${root}`, "kalypso-open.service"));
	writeFileSync(open, read("kalypso@.service").replaceAll("%i", "matcher").replace("ProtectHome=yes", "ProtectHmoe=yes"));
	const verify = () => analyze("verify", "--man=no", "--recursive-errors=no", `--root=${root}`, "kalypso-open.service");
	assert.throws(verify, (error) => /Unknown key 'ProtectHmoe'/.test(error.stdout));
});

test("a service that ends is started again after a pause, however often, unless it has halted", () => {
	const unit = read("kalypso@.service").split("\n");
	for (const line of ["Restart=always", "RestartSec=3", "StartLimitIntervalSec=0", "RestartPreventExitStatus=3"]) assert.ok(unit.includes(line), line);
	assert.match(readFileSync(join(ROOT, "common/frame.h"), "utf8"), /EXIT_HALTED = 3,/);
});

test("the target has every service", () => {
	const wanted = [...read("kalypso.target").matchAll(/kalypso@([a-z-]+)\.service/g)].map(([, name]) => name);
	assert.deepEqual(wanted.sort(), [...SERVICES].sort());
});

test("every line of market.env is an option", () => {
	const files = ["common/market.def", "common/frame.def", ...SERVICES.map((s) => `services/${s}/config.def`)];
	const options = new Set(files.flatMap((f) => [...readFileSync(join(ROOT, f), "utf8").matchAll(/^OPT\(\w+,\s*(\w+)/gm)].map(([, n]) => n)));
	const names = [...read("market.env").matchAll(/^KALYPSO_(\w+)=/gm)].map(([, n]) => n.toLowerCase());
	assert.ok(names.length > 5);
	assert.deepEqual(names.filter((n) => !options.has(n)), []);
});
