// Holds objects against the schemas of Kubernetes, the Prometheus operator and KEDA.
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

// Throws if @object isn't as its schema says.
export async function validate(object) {
	const Model = await model(object);
	try {
		new Model(object).validate();
	} catch (error) {
		throw new Error(`${object.kind} ${object.metadata.name}: ${error.message}`);
	}
}
