// What kubectl makes of deploy/k8s, as objects.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseAllDocuments } from "yaml";
import { ROOT } from "../../../deploy/local/chain.mjs";

export const K8S = join(ROOT, "deploy/k8s");

// The command that renders: of kubectl, 1.21 or newer; undefined if there is none.
export function renderer() {
	try {
		const version = JSON.parse(execFileSync("kubectl", ["version", "--client", "-o", "json"], { encoding: "utf8" }));
		const { major, minor } = version.clientVersion;
		return Number(major) > 1 || Number.parseInt(minor, 10) >= 21 ? ["kubectl", "kustomize"] : undefined;
	} catch {
		return undefined;
	}
}

// The objects of a folder.
export function render([program, ...args], folder) {
	const text = execFileSync(program, [...args, folder], { encoding: "utf8", maxBuffer: 64 << 20 });
	return parseAllDocuments(text).map((document) => document.toJS());
}

// The objects of a kustomization that is only here: resources and components are folders of deploy/k8s.
export function renderOf(command, { resources = [], components = [], ...rest }) {
	const folder = mkdtempSync(join(tmpdir(), "kalypso-kustomize-"));
	const near = (names) => names.map((name) => relative(folder, join(K8S, name)));
	const kustomization = {
		apiVersion: "kustomize.config.k8s.io/v1beta1",
		kind: "Kustomization",
		resources: near(resources),
		components: near(components),
		...rest,
	};
	try {
		writeFileSync(join(folder, "kustomization.yaml"), JSON.stringify(kustomization));
		return render(command, folder);
	} finally {
		rmSync(folder, { recursive: true });
	}
}

export class Objects {
	constructor(list) {
		this.list = list;
	}

	of(...kinds) {
		return this.list.filter(({ kind }) => kinds.includes(kind));
	}

	named(kind, name) {
		return this.of(kind).find((o) => o.metadata.name === name);
	}

	// What runs pods: {name, labels, spec} of the pods, and the object.
	workloads() {
		return this.of("StatefulSet", "Deployment").map((object) => ({
			object,
			name: object.metadata.name,
			labels: object.spec.template.metadata.labels,
			spec: object.spec.template.spec,
		}));
	}

	// Those that run our programs.
	services() {
		return this.workloads().filter(({ labels }) => labels["app.kubernetes.io/component"] === "service");
	}

	copy() {
		return new Objects(structuredClone(this.list));
	}
}

// Whether a selector chooses pods with these labels.
export function selects(selector, labels) {
	const pairs = Object.entries(selector?.matchLabels ?? {});
	const terms = selector?.matchExpressions ?? [];
	return (
		pairs.every(([key, value]) => labels[key] === value) &&
		terms.every(({ key, operator, values }) => {
			if (operator === "In") return values.includes(labels[key]);
			throw new Error(`a selector with ${operator}`);
		})
	);
}
