// The description of the prover API is valid, and its examples fit its own schemas.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { OPENAPI_FILE, openapi, schemaAt } from "./helpers.mjs";

const CALLS = {
	"/api/test": "get",
	"/api/benchmark": "get",
	"/api/generateProof": "post",
	"/api/checkInput": "post",
	"/api/getAttestationForInvalidInputs": "post",
	"/api/verifyInputsAndProof": "post",
	"/api/signInputsAndProof": "post",
};

function escape(key) {
	return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

// Every media type in the document, with the place of its schema.
function* mediaTypes(node, pointer = "") {
	if (node === null || typeof node !== "object") {
		return;
	}
	for (const [key, value] of Object.entries(node)) {
		const at = `${pointer}/${escape(key)}`;
		if (key === "application/json") {
			yield { at, media: value };
		} else {
			yield* mediaTypes(value, at);
		}
	}
}

function follow(example) {
	return example.$ref ? openapi.components.examples[example.$ref.split("/").at(-1)] : example;
}

function examplesOf(media) {
	const named = Object.values(media.examples ?? {}).map((example) => follow(example).value);
	return media.example === undefined ? named : [media.example, ...named];
}

test("the document is valid OpenAPI 3.1", async () => {
	const validator = new Validator();
	const { valid, errors } = await validator.validate(OPENAPI_FILE);
	assert.ok(valid, JSON.stringify(errors));
	assert.equal(validator.version, "3.1");
});

test("it describes the seven calls and no other", () => {
	const described = Object.entries(openapi.paths).map(([path, item]) => [
		path,
		Object.keys(item)[0],
	]);
	assert.deepEqual(Object.fromEntries(described), CALLS);
});

test("every example fits its schema", () => {
	let count = 0;
	for (const { at, media } of mediaTypes(openapi)) {
		const validate = schemaAt(`${at}/schema`);
		for (const example of examplesOf(media)) {
			assert.ok(validate(example), `${at}: ${JSON.stringify(validate.errors)}`);
			count++;
		}
	}
	assert.ok(count >= 15, `${count} examples`);
});

test("invalid_inputs belongs to one answer only", () => {
	const error = { error: "invalid_inputs", reason: "" };
	assert.equal(schemaAt("/components/schemas/Error")(error), false);
	assert.equal(schemaAt("/components/schemas/InvalidInputs")(error), true);
});

test("Bytes are arrays of bytes or whole 0x strings", () => {
	const validate = schemaAt("/components/schemas/Bytes");
	for (const good of [[], [0, 255], "0x", "0x0aFF"]) {
		assert.ok(validate(good), JSON.stringify(good));
	}
	for (const bad of [[256], [-1], [1.5], ["1"], "", "0x0", "0xgg", "00", null, 7, {}]) {
		assert.ok(!validate(bad), JSON.stringify(bad));
	}
});
