// deploy/k8s: what kubectl makes of it is what Kubernetes takes, and holds what docs/kubernetes.md promises.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import test from "node:test";
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
});

test("two markets share a cluster, and nothing else", { skip }, () => {
	const all = new Objects(render(command, join(K8S, "examples/two-chains")));
	const namespaces = all.of("Namespace").map(({ metadata }) => metadata.name);
	assert.equal(namespaces.length, 2);
	const [one, other] = namespaces.map((n) => all.list.filter((o) => (o.metadata.namespace ?? o.metadata.name) === n));
	assert.equal(one.length, other.length);
	assert.equal(one.length + other.length, all.list.length);
});
