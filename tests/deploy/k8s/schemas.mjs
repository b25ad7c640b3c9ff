// Holds objects against the schemas of Kubernetes, the Prometheus operator and KEDA, which Kubernetes itself does strictly
// only if it is asked to: a field that a schema doesn't know is one that is silently without effect.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const modules = join(dirname(fileURLToPath(import.meta.url)), "../../node_modules");
const packages = ["kubernetes-models", "@kubernetes-models/prometheus-operator", "@kubernetes-models/keda"];

// The class of an object's kind, whose validate() throws.
async function model({ apiVersion, kind }) {
	const folder = packages.map((name) => join(modules, name, apiVersion)).find((f) => existsSync(join(f, `${kind}.js`)));
	if (!folder) throw new Error(`no schema of ${apiVersion} ${kind}`);
	return (await import(pathToFileURL(join(folder, `${kind}.js`))))[kind];
}

// @value as its validator gets to see it, and unread(), the paths of fields that it hasn't looked at. The validators are
// compiled, and have no list of what they know; but they look at every field that they do.
function watched(value, path = "") {
	if (typeof value !== "object" || value === null) return { seen: value, unread: () => [] };
	const looked = new Map();
	const seen = new Proxy(value, {
		get(target, key) {
			if (!Object.hasOwn(target, key) || (Array.isArray(target) && key === "length")) return Reflect.get(target, key);
			if (!looked.has(key)) looked.set(key, watched(target[key], `${path}/${key}`));
			return looked.get(key).seen;
		},
	});
	const unread = () => Object.keys(value).flatMap((key) => looked.get(key)?.unread() ?? [`${path}/${key}`]);
	return { seen, unread };
}

// Throws if @object isn't as its schema says.
export async function validate(object) {
	const { prototype } = await model(object);
	const { seen, unread } = watched(object);
	const name = `${object.kind} ${object.metadata.name}`;
	try {
		prototype.validate.call(seen);
	} catch (error) {
		throw new Error(`${name}: ${error.message}`);
	}
	if (unread().length) throw new Error(`${name}: no such field: ${unread().join(", ")}`);
}
