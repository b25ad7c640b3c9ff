// deploy/docker/sbom.py: a bill of materials that others can read, of what is installed and nothing else, the same each time.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { ROOT } from "../../deploy/local/chain.mjs";
import { componentsOf } from "./docker/sbom.mjs";

const folder = mkdtempSync(join(tmpdir(), "kalypso-sbom-"));
after(() => rmSync(folder, { recursive: true }));

const sbom = (...args) => execFileSync(join(ROOT, "deploy/docker/sbom.py"), ["thing", "1.2", ...args], { encoding: "utf8", maxBuffer: 1 << 26 });
function file(name, content) {
	writeFileSync(join(folder, name), content);
	return join(folder, name);
}

const paragraph = (name, version, more = "") =>
	`Package: ${name}\nStatus: install ok installed\nMaintainer: Somebody <a@b.example>\nArchitecture: amd64\nVersion: ${version}\n${more}Description: one\n Package: no field\n`;
const STATUS = [
	paragraph("libc6", "2.36-9+deb12u14", "Source: glibc\n"),
	paragraph("libbinary", "1:2.0-1+b1", "Source: other (2.0-1)\n"),
	paragraph("plain", "3~rc1"),
	paragraph("gone", "1").replace("install ok installed", "deinstall ok config-files"),
];

test("Debian's packages: those that are installed, with version, architecture and source", async () => {
	const all = await componentsOf(sbom("--debian", file("status", STATUS.join("\n"))));
	assert.deepEqual([...all.keys()], [
		"pkg:deb/debian/libbinary@1:2.0-1%2Bb1?arch=amd64&distro=debian-12&upstream=other%402.0-1",
		"pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64&distro=debian-12&upstream=glibc",
		"pkg:deb/debian/plain@3~rc1?arch=amd64&distro=debian-12&upstream=plain",
	]);
	assert.equal([...all.values()][1].publisher, "Somebody <a@b.example>");
});

test("npm's packages: with licence and hash, as npm knows them", async () => {
	const hash = Buffer.alloc(64, 7);
	const lock = {
		packages: {
			"": { name: "ours", version: "1.0.0" },
			"node_modules/@scope/name": { version: "1.0.0-rc.1", integrity: `sha512-${hash.toString("base64")}`, license: "MIT OR Apache-2.0" },
			"node_modules/a/node_modules/b": { version: "2.0.0" },
			"node_modules/b": { version: "2.0.0" },
			"node_modules/linked": { resolved: "../linked", link: true },
		},
	};
	const all = await componentsOf(sbom("--npm", file("lock", JSON.stringify(lock))));
	assert.deepEqual([...all.keys()], ["pkg:npm/%40scope/name@1.0.0-rc.1", "pkg:npm/b@2.0.0"]);
	const [scoped] = all.values();
	assert.deepEqual(scoped.hashes, [{ alg: "SHA-512", content: hash.toString("hex") }]);
	assert.deepEqual(scoped.licenses, [{ expression: "MIT OR Apache-2.0" }]);
});

test("what this machine has, and what the lock files say", async () => {
	const installed = ["deploy/local", "protocol/contracts"].map((f) => join(ROOT, f, "node_modules/.package-lock.json"));
	const all = await componentsOf(sbom("--debian", "/var/lib/dpkg/status", "--npm", ...installed));
	const count = Number(execFileSync("sh", ["-c", "dpkg-query -W -f '${db:Status-Status}\\n' | grep -cx installed"], { encoding: "utf8" }));
	const names = [...all.keys()];
	assert.equal(names.filter((n) => n.startsWith("pkg:deb/")).length, count);
	const lock = JSON.parse(readFileSync(join(ROOT, "deploy/local/package-lock.json"), "utf8"));
	const { version } = lock.packages["node_modules/viem"];
	assert.ok(names.includes(`pkg:npm/viem@${version}`));
});

test("the same packages give the same bytes, in whatever order; others don't", () => {
	const one = sbom("--debian", file("one", STATUS.join("\n")));
	assert.equal(sbom("--debian", ...[...STATUS].reverse().map((text, i) => file(`part-${i}`, text))), one);
	const other = sbom("--debian", file("other", STATUS.join("\n").replace("3~rc1", "3")));
	assert.notEqual(JSON.parse(other).serialNumber, JSON.parse(one).serialNumber);
});

test("what the schema doesn't take is noticed", async () => {
	const good = JSON.parse(sbom("--debian", file("good", STATUS.join("\n"))));
	for (const spoil of [(b) => delete b.components[0].name, (b) => (b.components[0].vresion = "1"), (b) => (b.serialNumber = "1"), (b) => b.components.push(b.components[0])]) {
		const bad = structuredClone(good);
		spoil(bad);
		await assert.rejects(componentsOf(JSON.stringify(bad)), undefined, String(spoil));
	}
});
