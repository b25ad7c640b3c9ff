// What has to hold of every rendered market: each rule with a way to break it, so that it is known to notice.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../deploy/local/chain.mjs";
import { selects } from "./render.mjs";

export const ORDERED = ["chain-indexer", "orderbook", "matcher", "task-publisher", "slasher-watcher"];
const JOURNALLED = ["task-publisher", "slasher-watcher"];
const ASK_NODE = ["chain-indexer", "task-publisher", "slasher-watcher"];
const INSTANCE_MAX = 32; // frame_options.c
const POD_SUFFIX = "-0123456789-abcde".length; // what a Deployment adds to its name
const ADMIN = 9464;

const read = (path) => readFileSync(join(ROOT, path), "utf8");

// Names of options, from the tables.
function optionsOf(service) {
	const files = [`services/${service}/config.def`, "common/market.def", "common/frame.def"];
	return new Set(files.flatMap((file) => [...read(file).matchAll(/^OPT\(\w+,\s*(\w+),/gm)].map(([, name]) => name)));
}

const containersOf = ({ spec }) => [...(spec.initContainers ?? []), ...spec.containers];
const serviceOf = ({ spec }) => spec.containers.find(({ name }) => name === "service");
const program = ({ labels }) => labels["app.kubernetes.io/name"];
const env = (container, name) => container.env.find((e) => e.name === name);
const first = (objects, name) => objects.workloads().find((w) => w.name === name);
const settings = (text) => Object.fromEntries([...text.matchAll(/^(\w+) = (.*)$/gm)].map(([, k, v]) => [k, v]));

// What a pod's volume of this name shows.
function configOf(objects, workload, volume) {
	const { name } = workload.spec.volumes.find((v) => v.name === volume).configMap;
	return objects.named("ConfigMap", name).data;
}

export const RULES = [
	{
		name: "everything is in the one namespace, which is restricted",
		check(objects) {
			const [namespace, ...others] = objects.of("Namespace");
			assert.equal(others.length, 0);
			for (const mode of ["enforce", "audit", "warn"])
				assert.equal(namespace.metadata.labels[`pod-security.kubernetes.io/${mode}`], "restricted");
			for (const o of objects.list.filter((o) => o.kind !== "Namespace"))
				assert.equal(o.metadata.namespace, namespace.metadata.name, `${o.kind} ${o.metadata.name}`);
		},
		breaks: [
			(o) => delete o.of("Namespace")[0].metadata.labels["pod-security.kubernetes.io/enforce"],
			(o) => (o.of("Service")[0].metadata.namespace = "default"),
		],
	},
	{
		name: "no pod may do more than the standard `restricted` lets it",
		check(objects) {
			for (const w of objects.workloads()) {
				const { securityContext: pod } = w.spec;
				assert.equal(pod.runAsNonRoot, true, w.name);
				assert.ok(pod.runAsUser > 0 && pod.runAsGroup > 0, w.name);
				assert.equal(pod.seccompProfile.type, "RuntimeDefault", w.name);
				for (const name of ["hostNetwork", "hostPID", "hostIPC"]) assert.equal(w.spec[name], undefined, w.name);
				for (const v of w.spec.volumes) assert.equal(v.hostPath, undefined, w.name);
				for (const { securityContext: c, name, ports = [] } of containersOf(w)) {
					assert.equal(c.allowPrivilegeEscalation, false, `${w.name} ${name}`);
					assert.deepEqual(c.capabilities, { drop: ["ALL"] }, `${w.name} ${name}`);
					for (const p of ports) assert.equal(p.hostPort, undefined, `${w.name} ${name}`);
				}
			}
		},
		breaks: [
			(o) => (first(o, "matcher").spec.securityContext.runAsNonRoot = false),
			(o) => (serviceOf(first(o, "gateway")).securityContext.capabilities.add = ["NET_ADMIN"]),
			(o) => (serviceOf(first(o, "gateway")).securityContext.allowPrivilegeEscalation = true),
			(o) => first(o, "orderbook").spec.volumes.push({ name: "x", hostPath: { path: "/" } }),
		],
	},
	{
		name: "roots are read-only, nobody has a token of Kubernetes, and no Service sets our variables",
		check(objects) {
			for (const w of objects.workloads()) {
				assert.equal(w.spec.automountServiceAccountToken, false, w.name);
				assert.equal(w.spec.enableServiceLinks, false, w.name);
				for (const c of containersOf(w)) assert.equal(c.securityContext.readOnlyRootFilesystem, true, w.name);
			}
		},
		breaks: [
			(o) => delete serviceOf(first(o, "matcher")).securityContext.readOnlyRootFilesystem,
			(o) => delete first(o, "matcher").spec.enableServiceLinks,
			(o) => delete o.workloads()[0].spec.automountServiceAccountToken,
		],
	},
	{
		name: "ordered services are StatefulSets whose rollouts and starts don't wait for a leader",
		check(objects, { copies }) {
			for (const name of ORDERED) {
				const set = objects.named("StatefulSet", name);
				assert.equal(set.spec.replicas, copies, name);
				assert.equal(set.spec.serviceName, name);
				assert.equal(set.spec.podManagementPolicy, "Parallel", name);
				assert.ok(set.spec.minReadySeconds > 0, name);
				assert.equal(serviceOf(first(objects, name)).readinessProbe.httpGet.path, "/availablez", name);
			}
		},
		breaks: [
			(o) => (o.named("StatefulSet", "matcher").spec.replicas = 3),
			(o) => (serviceOf(first(o, "matcher")).readinessProbe.httpGet.path = "/readyz"),
			(o) => delete o.named("StatefulSet", "matcher").spec.podManagementPolicy,
		],
	},
	{
		name: "three probes ask three things: has it come up, does it turn, is it of use",
		check(objects) {
			for (const w of objects.services()) {
				const { startupProbe: start, livenessProbe: live, readinessProbe: ready } = serviceOf(w);
				assert.equal(start.httpGet.path, "/livez", w.name);
				assert.equal(live.httpGet.path, "/livez", w.name);
				assert.equal(ready.httpGet.path, "/availablez", w.name);
				assert.ok(start.periodSeconds * start.failureThreshold >= 60, `${w.name}: keystores take their time`);
				// /livez itself is patient for 10 s (admin.h); one slow answer must not kill.
				assert.ok(live.failureThreshold >= 3 && live.periodSeconds >= 5, w.name);
				for (const probe of [start, live, ready]) assert.equal(probe.httpGet.port, "admin", w.name);
			}
			for (const w of objects.workloads()) for (const c of w.spec.containers) assert.ok(c.startupProbe && c.livenessProbe && c.readinessProbe, `${w.name} ${c.name}`);
		},
		breaks: [
			(o) => (serviceOf(first(o, "gateway")).livenessProbe.httpGet.path = "/readyz"),
			(o) => (serviceOf(first(o, "task-publisher")).startupProbe.failureThreshold = 3),
			(o) => delete o.workloads().at(-1).spec.containers[0].readinessProbe,
		],
	},
	{
		name: "a copy has a name that others know it by, and at most 32 characters",
		check(objects) {
			for (const w of objects.services()) {
				const { fieldPath } = env(serviceOf(w), "KALYPSO_INSTANCE").valueFrom.fieldRef;
				if (w.object.kind === "Deployment") {
					assert.equal(fieldPath, "metadata.name");
					assert.ok(w.name.length + POD_SUFFIX <= INSTANCE_MAX, `${w.name} is too long`);
					continue;
				}
				assert.equal(fieldPath, "metadata.labels['apps.kubernetes.io/pod-index']", w.name);
				const known = settings(configOf(objects, w, "config")["service.conf"]);
				assert.deepEqual(known.instances.split(","), ["0", "1"], w.name);
				// tcp://%s-%i.%s:7000 is matcher-1.matcher: the pod's name in its headless Service.
				assert.equal(known.bus, "tcp://%s-%i.%s:7000", w.name);
				const headless = objects.named("Service", w.object.spec.serviceName).spec;
				assert.equal(headless.clusterIP, "None", w.name);
				assert.equal(headless.publishNotReadyAddresses, true, w.name);
				assert.ok(selects({ matchLabels: headless.selector }, w.labels), w.name);
				assert.ok(headless.ports.some(({ port }) => port === 7000), w.name);
				assert.equal(program(w), w.name);
			}
		},
		breaks: [
			(o) => (o.named("Service", "matcher").spec.clusterIP = undefined),
			(o) => (o.named("StatefulSet", "matcher").metadata.name = "kalypso-matcher"),
			(o) => (o.named("Deployment", "gateway").metadata.name = "webhook-gateway-of-mine"),
		],
	},
	{
		name: "journals are on volumes that outlive their pods; nobody else keeps anything",
		check(objects) {
			for (const w of objects.services()) {
				const claims = (w.object.spec.volumeClaimTemplates ?? []).map((c) => c.metadata.name);
				const empty = w.spec.volumes.filter((v) => v.emptyDir).map((v) => v.name);
				assert.deepEqual(claims, JOURNALLED.includes(w.name) ? ["state"] : [], w.name);
				assert.deepEqual(empty, JOURNALLED.includes(w.name) ? [] : ["state"], w.name);
				assert.ok(serviceOf(w).volumeMounts.some((m) => m.name === "state" && m.mountPath === "/var/lib/kalypso"), w.name);
			}
			for (const { spec, metadata } of objects.of("StatefulSet").filter((s) => s.spec.volumeClaimTemplates))
				assert.deepEqual(spec.persistentVolumeClaimRetentionPolicy, { whenDeleted: "Retain", whenScaled: "Retain" }, metadata.name);
		},
		breaks: [
			(o) => delete o.named("StatefulSet", "task-publisher").spec.volumeClaimTemplates,
			(o) => (o.named("StatefulSet", "slasher-watcher").spec.persistentVolumeClaimRetentionPolicy.whenScaled = "Delete"),
		],
	},
	{
		name: "a budget for each service keeps one copy, and blocks no drain",
		check(objects) {
			for (const w of objects.services()) {
				const budgets = objects.of("PodDisruptionBudget").filter((b) => selects(b.spec.selector, w.labels));
				assert.equal(budgets.length, 1, w.name);
			}
			for (const { spec, metadata } of objects.of("PodDisruptionBudget")) {
				// minAvailable of all there are, or of one, would let nobody go.
				assert.equal(spec.maxUnavailable, 1, metadata.name);
				assert.equal(spec.minAvailable, undefined, metadata.name);
				assert.equal(spec.unhealthyPodEvictionPolicy, "AlwaysAllow", metadata.name);
			}
		},
		breaks: [
			(o) => (o.named("PodDisruptionBudget", "matcher").spec.selector.matchLabels = { app: "x" }),
			(o) => Object.assign(o.named("PodDisruptionBudget", "matcher").spec, { maxUnavailable: undefined, minAvailable: 2 }),
			(o) => delete o.named("PodDisruptionBudget", "gateway").spec.unhealthyPodEvictionPolicy,
		],
	},
	{
		name: "gateways scale by one thing, and never surge below what they are",
		check(objects) {
			const { spec } = objects.named("Deployment", "gateway");
			assert.equal(spec.replicas, undefined, "the autoscaler's business");
			assert.deepEqual(spec.strategy.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 });
			const scalers = objects.of("HorizontalPodAutoscaler", "ScaledObject");
			assert.equal(scalers.length, 1);
			assert.equal(scalers[0].spec.scaleTargetRef.name, "gateway");
			const namespace = objects.of("Namespace")[0].metadata.name;
			for (const { metadata } of scalers[0].spec.triggers ?? [])
				assert.match(metadata.query, new RegExp(`market="${namespace}"`));
			const { preStop } = serviceOf(first(objects, "gateway")).lifecycle;
			assert.ok(preStop.sleep.seconds >= 3, "until nobody is sent to it any more");
		},
		breaks: [
			(o) => (o.named("Deployment", "gateway").spec.replicas = 2),
			(o) => o.list.push(structuredClone(o.of("HorizontalPodAutoscaler", "ScaledObject")[0])),
			(o) => delete serviceOf(first(o, "gateway")).lifecycle.preStop.sleep.seconds,
		],
	},
	{
		name: "copies of a service are spread over machines, then over zones",
		check(objects, { apart }) {
			for (const w of objects.services()) {
				const [host, zone] = w.spec.topologySpreadConstraints;
				assert.equal(host.topologyKey, "kubernetes.io/hostname");
				assert.equal(zone.topologyKey, "topology.kubernetes.io/zone");
				for (const c of [host, zone]) {
					assert.ok(selects(c.labelSelector, w.labels), w.name);
					assert.deepEqual(c.matchLabelKeys, ["app.kubernetes.io/name"]);
				}
				const strict = apart && w.object.kind === "StatefulSet";
				assert.equal(host.whenUnsatisfiable, strict ? "DoNotSchedule" : "ScheduleAnyway", w.name);
			}
		},
		breaks: [
			(o) => delete first(o, "matcher").spec.topologySpreadConstraints[0].matchLabelKeys,
			(o) => (first(o, "matcher").spec.topologySpreadConstraints[0].labelSelector = { matchLabels: { app: "x" } }),
		],
	},
	{
		name: "everybody says what he needs, and how much memory he may have at most",
		check(objects) {
			for (const w of objects.workloads())
				for (const { name, resources } of w.spec.containers) {
					assert.ok(resources.requests.cpu && resources.requests.memory, `${w.name} ${name}`);
					assert.ok(resources.limits.memory, `${w.name} ${name}`);
					assert.equal(resources.limits.cpu, undefined, `${w.name} ${name}: a limit would only make it late`);
				}
		},
		breaks: [
			(o) => delete serviceOf(first(o, "matcher")).resources.limits.memory,
			(o) => (serviceOf(first(o, "matcher")).resources.limits.cpu = "1"),
		],
	},
	{
		name: "who is told to stop has the time for its append, its snapshot and its lease",
		check(objects) {
			for (const w of objects.services()) assert.ok(w.spec.terminationGracePeriodSeconds >= 60, w.name);
		},
		breaks: [(o) => (first(o, "orderbook").spec.terminationGracePeriodSeconds = 5)],
	},
	{
		name: "a pod has the secrets of its own service, for its group's eyes, and none in a variable",
		check(objects) {
			assert.deepEqual(objects.of("Secret"), [], "secrets aren't in the repository");
			for (const w of objects.services()) {
				const secrets = w.spec.volumes.filter((v) => v.secret).map((v) => v.secret);
				assert.deepEqual(secrets, [{ secretName: program(w), defaultMode: 0o440 }], w.name);
				assert.ok(w.spec.securityContext.fsGroup > 0, w.name);
				const c = serviceOf(w);
				assert.ok(c.envFrom.every((from) => from.configMapRef), w.name);
				for (const e of c.env) {
					assert.equal(e.valueFrom?.secretKeyRef, undefined, `${w.name} ${e.name}`);
					if (/KEY|PASSWORD|TOKEN/.test(e.name)) assert.match(`${e.name}=${e.value}`, /_FILE=\/run\/secrets\/kalypso\/[a-z-]+$/, w.name);
				}
			}
		},
		breaks: [
			(o) => (first(o, "matcher").spec.volumes.find((v) => v.secret).secret.secretName = "task-publisher"),
			(o) => (first(o, "matcher").spec.volumes.find((v) => v.secret).secret.defaultMode = 0o444),
			(o) => serviceOf(first(o, "task-publisher")).env.push({ name: "KALYPSO_ENGINE_KEY", value: "0x1" }),
		],
	},
	{
		name: "every variable and every line of settings is an option of its service",
		check(objects) {
			const everything = new Set();
			for (const w of objects.services()) {
				const options = optionsOf(program(w));
				for (const name of options) everything.add(name).add(`${program(w).replaceAll("-", "_")}_${name}`);
				for (const e of serviceOf(w).env.filter(({ name }) => name.startsWith("KALYPSO_") && name !== "KALYPSO_CONFIG")) {
					const name = e.name.slice("KALYPSO_".length).toLowerCase();
					assert.ok(options.has(name) || options.has(name.replace(/_file$/, "")), `${w.name}: ${e.name} is no option`);
				}
				for (const name of Object.keys(settings(configOf(objects, w, "config")["service.conf"])))
					assert.ok(options.has(name), `${w.name}: ${name} is no option`);
			}
			const market = objects.of("ConfigMap").find(({ metadata }) => /^market-/.test(metadata.name));
			for (const name of Object.keys(market.data)) assert.ok(everything.has(name.replace("KALYPSO_", "").toLowerCase()), `${name} is no option`);
		},
		breaks: [
			(o) => serviceOf(first(o, "matcher")).env.push({ name: "KALYPSO_MATCH_LIFETME", value: "30" }),
			(o) => (o.of("ConfigMap").find(({ metadata }) => /^market-/.test(metadata.name)).data.KALYPSO_RPCS = "x"),
			(o) => (configOf(o, first(o, "matcher"), "config")["service.conf"] += "colour = green\n"),
		],
	},
	{
		name: "whoever asks the node has the contracts",
		check(objects) {
			for (const w of objects.services()) {
				const asks = w.labels["kalypso/asks-node"] === "true";
				assert.equal(asks, ASK_NODE.includes(w.name), w.name);
				if (!asks) continue;
				const at = serviceOf(w).volumeMounts.find((m) => m.name === "contracts").mountPath;
				assert.equal(settings(configOf(objects, w, "config")["service.conf"]).contracts, `${at}/contracts.json`);
				assert.ok(JSON.parse(configOf(objects, w, "contracts")["contracts.json"]).ProofMarketplace, w.name);
			}
		},
		breaks: [
			(o) => delete first(o, "chain-indexer").labels["kalypso/asks-node"],
			(o) => (configOf(o, first(o, "chain-indexer"), "contracts")["contracts.json"] = "{}"),
		],
	},
	{
		name: "the bus is under CURVE, and bound to the pod's own address",
		check(objects) {
			for (const w of objects.services()) {
				const c = serviceOf(w);
				assert.equal(env(c, "KALYPSO_BUS_BIND").value, "tcp://$(POD_IP):7000");
				assert.equal(env(c, "KALYPSO_BUS_KEY_FILE").value, "/run/secrets/kalypso/bus-key");
				const allow = env(c, "KALYPSO_BUS_ALLOW").value;
				const mount = c.volumeMounts.find((m) => m.mountPath === allow);
				assert.equal(w.spec.volumes.find((v) => v.name === mount.name).configMap.name, "bus-allow");
				assert.equal(env(c, "KALYPSO_ADMIN_HOST").value, "$(POD_IP)");
				assert.equal(c.env.findIndex((e) => e.name === "POD_IP") < c.env.findIndex((e) => e.name === "KALYPSO_BUS_BIND"), true, "it has to be known before");
			}
		},
		breaks: [
			(o) => (env(serviceOf(first(o, "matcher")), "KALYPSO_BUS_KEY_FILE").value = ""),
			(o) => serviceOf(first(o, "matcher")).env.reverse(),
		],
	},
	{
		name: "each service is another user to Redis",
		check(objects) {
			for (const w of objects.services()) {
				const c = serviceOf(w);
				assert.equal(env(c, "SERVICE").valueFrom.fieldRef.fieldPath, "metadata.labels['app.kubernetes.io/name']");
				assert.equal(env(c, "NAME").valueFrom.configMapKeyRef.key, "KALYPSO_NAME");
				// As `kalypso redis users` names them.
				assert.equal(env(c, "KALYPSO_REDIS").value, "redis://$(NAME)-$(SERVICE)@redis:6379");
				assert.equal(env(c, "KALYPSO_REDIS_PASSWORD_FILE").value, "/run/secrets/kalypso/redis-password");
			}
			const front = objects.named("Service", "redis").spec.selector;
			const behind = objects.workloads().filter(({ labels }) => selects({ matchLabels: front }, labels));
			assert.equal(behind.length, 1);
		},
		breaks: [
			(o) => (env(serviceOf(first(o, "matcher")), "KALYPSO_REDIS").value = "redis://redis:6379"),
			(o) => (o.named("Service", "redis").spec.selector = { app: "x" }),
		],
	},
	{
		name: "Redis acknowledges what is on disk, and forgets nothing",
		check(objects) {
			const files = objects.of("ConfigMap").flatMap(({ data }) => Object.entries(data ?? {}).filter(([name]) => name === "redis.conf"));
			assert.equal(files.length, 1);
			const [[, text]] = files;
			for (const line of ["appendonly yes", "appendfsync always", "maxmemory-policy noeviction"]) assert.ok(text.split("\n").includes(line), line);
			assert.match(text, /^aclfile /m);
			const { spec } = objects.of("StatefulSet").find((s) => s.spec.template.spec.containers.some((c) => c.name === "redis"));
			assert.equal(spec.volumeClaimTemplates.length, 1);
		},
		breaks: [
			(o) => {
				const map = o.of("ConfigMap").find(({ data }) => data?.["redis.conf"]);
				map.data["redis.conf"] = map.data["redis.conf"].replace("always", "everysec");
			},
		],
	},
	{
		name: "images have a name and a version",
		check(objects) {
			for (const w of objects.workloads()) for (const { image } of containersOf(w)) assert.match(image, /:[a-z0-9][a-z0-9.-]*$/, w.name);
			for (const w of objects.workloads()) for (const { image } of containersOf(w)) assert.doesNotMatch(image, /:latest$/, w.name);
		},
		breaks: [(o) => (serviceOf(first(o, "matcher")).image = "kalypso"), (o) => (serviceOf(first(o, "matcher")).image = "kalypso:latest")],
	},
	{
		name: "metrics of every copy are scraped, and the rules are there",
		unless: (objects) => !objects.of("ServiceMonitor").length,
		check(objects) {
			const [{ spec }] = objects.of("ServiceMonitor");
			for (const w of objects.services()) {
				const service = objects.of("Service").find((s) => selects(spec.selector, s.metadata.labels) && selects({ matchLabels: s.spec.selector }, w.labels));
				const port = service.spec.ports.find(({ name }) => name === spec.endpoints[0].port);
				assert.equal(port.port, ADMIN, w.name);
			}
			const labels = spec.endpoints[0].relabelings.map((r) => r.targetLabel);
			for (const label of ["job", "market", "service", "instance"]) assert.ok(labels.includes(label), label);
		},
		breaks: [
			(o) => (o.of("ServiceMonitor")[0].spec.selector.matchLabels = { app: "x" }),
			(o) => o.of("ServiceMonitor")[0].spec.endpoints[0].relabelings.pop(),
		],
	},
];
