// Who may talk to whom, by the NetworkPolicies: asked as a connection would be, from pod to pod.
import assert from "node:assert/strict";
import { ORDERED } from "./rules.mjs";
import { selects } from "./render.mjs";

const GATEWAY = "webhook-gateway";
const POD = (labels, namespace) => ({ labels, namespace });
const PROMETHEUS = POD({ app: "prometheus" }, "monitoring");
const INGRESS = POD({ app: "ingress" }, "ingress-nginx");
const STRANGER = POD({ app: "stranger" }, "default");
const DNS = POD({ "k8s-app": "kube-dns" }, "kube-system");
const WORLD = { address: "203.0.113.7" };
const INSIDE = { address: "10.1.2.3" };

const number = (address) => address.split(".").reduce((n, part) => n * 256 + Number(part), 0);
function within(address, cidr) {
	const [net, bits] = cidr.split("/");
	const size = 2 ** (32 - Number(bits));
	return Math.floor(number(address) / size) === Math.floor(number(net) / size);
}

// Whether one `from` or `to` means this peer.
function means(term, peer, namespace) {
	if (term.ipBlock) {
		const { cidr, except = [] } = term.ipBlock;
		return peer.address !== undefined && within(peer.address, cidr) && !except.some((e) => within(peer.address, e));
	}
	if (!peer.labels) return false;
	const there = term.namespaceSelector
		? selects(term.namespaceSelector, { "kubernetes.io/metadata.name": peer.namespace })
		: peer.namespace === namespace;
	return there && (!term.podSelector || selects(term.podSelector, peer.labels));
}

function allowed(policies, way, pod, peer, port) {
	if (!pod.labels) return true;
	const mine = policies.filter((p) => p.metadata.namespace === pod.namespace && p.spec.policyTypes.includes(way) && selects(p.spec.podSelector, pod.labels));
	if (!mine.length) return true; // nobody has said anything about it: Kubernetes lets it through
	const key = way === "Ingress" ? "from" : "to";
	return mine.some(({ spec, metadata }) =>
		(spec[way.toLowerCase()] ?? []).some(
			(rule) => rule.ports.some((p) => p.port === port) && rule[key].some((term) => means(term, peer, metadata.namespace)),
		),
	);
}

// Whether @from reaches @port of @to.
export function reaches(objects, from, to, port) {
	const policies = objects.of("NetworkPolicy");
	return allowed(policies, "Egress", from, to, port) && allowed(policies, "Ingress", to, from, port);
}

// By writer, who reads its log, as docs/architecture.md has it.
const READERS = {
	"chain-indexer": ["orderbook", "slasher-watcher", "task-publisher", GATEWAY],
	orderbook: ["matcher", GATEWAY],
	matcher: ["task-publisher", GATEWAY],
	"task-publisher": [GATEWAY],
	"slasher-watcher": [GATEWAY],
};

export const TRAFFIC = [
	{
		name: "readers of a log hear its writer on the bus, and nobody else does",
		check(objects, pods) {
			for (const [writer, who] of Object.entries(READERS))
				for (const other of [...ORDERED, GATEWAY].filter((n) => n !== writer))
					assert.equal(reaches(objects, pods[other], pods[writer], 7000), who.includes(other), `${other} hears ${writer}`);
			for (const writer of ORDERED) for (const p of [STRANGER, PROMETHEUS, INGRESS, pods.redis]) assert.ok(!reaches(objects, p, pods[writer], 7000));
		},
		breaks: [(o) => (o.named("NetworkPolicy", "hear-matcher").spec.ingress[0].from = [{ namespaceSelector: {} }])],
	},
	{
		name: "services reach Redis, and nobody else does",
		check(objects, pods) {
			for (const name of [...ORDERED, GATEWAY]) assert.ok(reaches(objects, pods[name], pods.redis, 6379), name);
			for (const p of [STRANGER, PROMETHEUS, INGRESS, ...(pods.chain ? [pods.chain] : [])]) assert.ok(!reaches(objects, p, pods.redis, 6379));
		},
		breaks: [(o) => (o.named("NetworkPolicy", "redis").spec.ingress[0].from = [{ namespaceSelector: {} }])],
	},
	{
		name: "Prometheus reaches every admin port, and nobody else does",
		check(objects, pods) {
			for (const name of [...ORDERED, GATEWAY]) {
				assert.ok(reaches(objects, PROMETHEUS, pods[name], 9464), name);
				for (const p of [STRANGER, INGRESS, pods.redis, pods.matcher]) assert.ok(!reaches(objects, p, pods[name], 9464), name);
			}
		},
		breaks: [(o) => o.named("NetworkPolicy", "admin").spec.ingress[0].from.push({ namespaceSelector: {} })],
	},
	{
		name: "the way in is the ingress controller's, to the gateway alone",
		check(objects, pods) {
			assert.ok(reaches(objects, INGRESS, pods[GATEWAY], 8080));
			assert.ok(!reaches(objects, STRANGER, pods[GATEWAY], 8080));
			assert.ok(!reaches(objects, pods.matcher, pods[GATEWAY], 8080));
			for (const name of [...ORDERED, "redis"]) assert.ok(!reaches(objects, INGRESS, pods[name], 8080), name);
		},
		breaks: [(o) => delete o.named("NetworkPolicy", "gateway").spec.ingress[0].from[0].namespaceSelector.matchLabels],
	},
	{
		name: "only those who ask nodes, and the gateway for its webhooks, leave the cluster; nobody reaches its insides",
		check(objects, pods) {
			const leaves = pods.chain ? [GATEWAY] : ["chain-indexer", "task-publisher", "slasher-watcher", GATEWAY];
			for (const name of [...ORDERED, GATEWAY, "redis"]) {
				assert.equal(reaches(objects, pods[name], WORLD, 443), leaves.includes(name), name);
				for (const port of [80, 443, 6443, 8545]) assert.ok(!reaches(objects, pods[name], INSIDE, port), `${name} ${port}`);
				assert.ok(!reaches(objects, pods[name], { address: "169.254.169.254" }, 443), `${name}: a cloud's metadata`);
				assert.ok(reaches(objects, pods[name], DNS, 53), `${name}: names`);
			}
			if (pods.chain) for (const name of ORDERED) assert.equal(reaches(objects, pods[name], pods.chain, 8545), leaves.length === 1 && ["chain-indexer", "task-publisher", "slasher-watcher"].includes(name), name);
		},
		breaks: [
			(o) => o.named("NetworkPolicy", "gateway").spec.egress[0].to[0].ipBlock.except.splice(0, 1),
			(o) => o.named("NetworkPolicy", "to-nodes").spec.egress.push({ to: [{ ipBlock: { cidr: "10.0.0.0/8" } }], ports: [{ port: 443 }] }),
		],
	},
	{
		name: "a pod that nobody has thought of reaches nothing but names, and nothing reaches it",
		check(objects, pods) {
			const odd = POD({ app: "odd" }, pods.matcher.namespace);
			for (const p of [...Object.values(pods), STRANGER, WORLD, INSIDE]) {
				assert.ok(!reaches(objects, odd, p, 443));
				assert.ok(!reaches(objects, p, odd, 443));
			}
			assert.ok(reaches(objects, odd, DNS, 53));
		},
		breaks: [
			(o) => o.list.splice(o.list.indexOf(o.named("NetworkPolicy", "default-deny")), 1),
			(o) => (o.named("NetworkPolicy", "default-deny").spec.podSelector = { matchLabels: { app: "x" } }),
		],
	},
];

// A pod of each kind, by the name of what runs in it.
export function podsOf(objects) {
	return Object.fromEntries(
		objects.workloads().map((w) => [w.labels["kalypso/redis"] === "front" ? "redis" : w.labels["app.kubernetes.io/name"], POD(w.labels, w.object.metadata.namespace)]),
	);
}
