// deploy/k8s: what kubectl makes of it is what Kubernetes takes, and holds what docs/kubernetes.md promises.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "node:test";
import { parseAllDocuments } from "yaml";
import { K8S, Objects, render, renderOf, renderer } from "./k8s/render.mjs";
import { RULES } from "./k8s/rules.mjs";
import { validate } from "./k8s/schemas.mjs";
import { TRAFFIC, podsOf } from "./k8s/traffic.mjs";

const MARKETS = {
	local: { folder: "overlays/local", copies: 1 },
	testnet: { folder: "overlays/testnet", copies: 2 },
	production: { folder: "overlays/production", copies: 2, apart: true },
	"production with KEDA": { with: { resources: ["overlays/production"], components: ["components/keda"], namespace: "kalypso-production" }, copies: 2, apart: true },
	"one of two chains": { folder: "examples/two-chains/sepolia", copies: 2 },
	"the other": { folder: "examples/two-chains/holesky", copies: 2 },
};

const command = renderer();
const skip = command ? false : "no kubectl of version 1.21 or newer to render deploy/k8s with";
const objectsOf = (market) => new Objects(market.folder ? render(command, join(K8S, market.folder)) : renderOf(command, market.with));

test("what is generated is as it follows from its sources", () => {
	execFileSync(join(K8S, "generate.py"), ["--check"], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
});

for (const [name, market] of Object.entries(MARKETS))
	test(name, { skip }, async (t) => {
		const objects = objectsOf(market);
		await t.test("is as the schemas of its kinds say", async () => {
			for (const object of objects.list) await validate(object);
		});
		await t.test("every name in it is there once", () => {
			const names = objects.list.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
			assert.deepEqual(names, [...new Set(names)]);
		});
		for (const rule of RULES.filter((r) => !r.unless?.(objects))) await t.test(rule.name, () => rule.check(objects, market));
		for (const rule of TRAFFIC) await t.test(rule.name, () => rule.check(objects, podsOf(objects)));
	});

test("the rules notice what breaks them", { skip }, async (t) => {
	const market = MARKETS.production;
	const whole = objectsOf(market);
	const broken = (rule, check) =>
		t.test(rule.name, () => {
			for (const spoil of rule.breaks) {
				const objects = whole.copy();
				spoil(objects);
				assert.throws(() => check(objects), undefined, String(spoil));
			}
		});
	for (const rule of RULES) await broken(rule, (objects) => rule.check(objects, market));
	for (const rule of TRAFFIC) await broken(rule, (objects) => rule.check(objects, podsOf(objects)));
	await t.test("so do the schemas", async () => {
		const set = whole.copy().named("StatefulSet", "matcher");
		set.spec.replicas = "two";
		await assert.rejects(validate(set), /replicas must be integer/);
		await assert.rejects(validate({ apiVersion: "v1", kind: "Podd", metadata: { name: "x" } }), /no schema/);
	});
	await t.test("and a field that they don't know, wherever it is", async () => {
		const set = whole.copy().named("StatefulSet", "matcher");
		set.spec.template.spec.containers[0].readynessProbe = {};
		await assert.rejects(validate(set), /^Error: StatefulSet matcher: no such field: \/spec\/template\/spec\/containers\/0\/readynessProbe$/);
		const all = objectsOf(MARKETS["production with KEDA"]).list;
		for (const object of all)
			for (const place of places(object)) {
				place.unknown = {}; // where names are anybody's, values are texts
				await assert.rejects(validate(object), /no such field|must be/, `${object.kind} ${object.metadata.name}: ${JSON.stringify(place)}`);
				delete place.unknown;
			}
		for (const object of all) await validate(object);
	});
});

// Everything in it that has fields.
function places(value) {
	if (typeof value !== "object" || value === null) return [];
	const inside = Object.values(value).flatMap(places);
	return Array.isArray(value) ? inside : [value, ...inside];
}

test("secrets.sh gives each service the files that it is told of, and no other", { skip }, () => {
	const folder = mkdtempSync(join(tmpdir(), "kalypso-secrets-"));
	const write = (name, text = name) => {
		mkdirSync(join(folder, dirname(name)), { recursive: true });
		writeFileSync(join(folder, name), text);
	};
	const make = () => parseAllDocuments(execFileSync(join(K8S, "secrets.sh"), [folder], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })).map((d) => d.toJS());
	try {
		const objects = objectsOf(MARKETS.production);
		for (const w of objects.services()) for (const name of [`redis/${w.labels["app.kubernetes.io/name"]}.password`, `bus/${w.labels["app.kubernetes.io/name"]}.key`]) write(name);
		for (const name of ["engine", "relayer", "slasher", "password", "webhook"]) write(`keys/${name}`);
		write("bus/public/matcher.pub");
		write("redis/users.acl", "user default off\n");
		assert.throws(make, (error) => /keys\/webhook-token is missing/.test(error.stderr));
		write("keys/webhook-token");
		for (const name of ["replica", "sentinel"]) write(`redis/${name}-password`, `${name}0`);
		make(); // again and again
		const made = new Map(make().map((o) => [`${o.kind} ${o.metadata.name}`, Object.keys(o.data).sort()]));
		for (const w of objects.services()) {
			const files = w.spec.containers[0].env.filter(({ value }) => value?.startsWith("/run/secrets/kalypso/")).map(({ value }) => value.slice("/run/secrets/kalypso/".length));
			assert.deepEqual(made.get(`Secret ${w.labels["app.kubernetes.io/name"]}`), files.sort());
		}
		assert.deepEqual(made.get("Secret redis"), ["replica-password", "sentinel-password", "users.acl"]);
		assert.deepEqual(made.get("ConfigMap bus-allow"), ["matcher.pub"]);
		const acl = readFileSync(join(folder, "redis/users.acl"), "utf8").trim().split("\n");
		assert.deepEqual(acl.map((line) => line.split(" ")[1]), ["default", "replica", "sentinel", "probe"]);
		assert.match(acl[1], / >replica0 /);
	} finally {
		rmSync(folder, { recursive: true });
	}
});

test("two markets share a cluster, and nothing else", { skip }, () => {
	const all = new Objects(render(command, join(K8S, "examples/two-chains")));
	const namespaces = all.of("Namespace").map(({ metadata }) => metadata.name);
	assert.equal(namespaces.length, 2);
	const [one, other] = namespaces.map((n) => all.list.filter((o) => (o.metadata.namespace ?? o.metadata.name) === n));
	assert.equal(one.length, other.length);
	assert.equal(one.length + other.length, all.list.length);
});
