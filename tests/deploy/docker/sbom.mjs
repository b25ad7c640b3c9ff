// What has to hold of a bill of materials, whichever packages it is of.
import assert from "node:assert/strict";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";

const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot5);

// The components of a document that the schema of CycloneDX takes, by their purl.
export async function componentsOf(text) {
	assert.equal(await validator.validate(text), null);
	const { metadata, components, dependencies } = JSON.parse(text);
	const all = new Map(components.map((c) => [c.purl, c]));
	assert.equal(all.size, components.length, "each is there once");
	assert.deepEqual(dependencies, [{ ref: metadata.component["bom-ref"], dependsOn: [...all.keys()] }]);
	for (const c of components) {
		assert.equal(c["bom-ref"], c.purl);
		assert.match(c.purl, /^pkg:(deb\/debian\/[a-z0-9.+%-]+|npm\/(%40[a-z0-9-]+\/)?[a-z0-9._-]+)@[A-Za-z0-9.~:%-]+(\?[a-z]+=[^&#?@+]+(&[a-z]+=[^&#?@+]+)*)?$/i, c.name);
		assert.equal(decodeURIComponent(c.purl.split("@")[1].split("?")[0]), c.version, c.name);
	}
	return all;
}
