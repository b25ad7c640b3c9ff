// Answers and messages held against protocol/http/webhooks.openapi.yaml.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { parse } from "yaml";
import { ROOT } from "../../../deploy/local/chain.mjs";

export const description = parse(readFileSync(join(ROOT, "protocol/http/webhooks.openapi.yaml"), "utf8"));
const ajv = new Ajv2020({ strict: false });
addFormats(ajv);
ajv.addSchema(description, "webhooks");
const validators = new Map();

export function check(name, value, what) {
	if (!validators.has(name)) validators.set(name, ajv.compile({ $ref: `webhooks#/components/schemas/${name}` }));
	const validate = validators.get(name);
	assert.ok(validate(value), `${what}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(value).slice(0, 400)}`);
}

const follow = (node) => (node?.$ref ? node.$ref.slice(2).split("/").reduce((at, part) => at[part], description) : node);

// An answer to METHOD /v1/webhooks@path has to be one of those that are described; what isn't described has to be a problem.
export function checkAnswer(method, path, { status, headers, json }) {
	const what = `${method} ${path} ${status}`;
	const template = `/v1/webhooks${path.split("?")[0].replace(/^\/[^/]+/, "/{id}")}`;
	const responses = description.paths[template]?.[method.toLowerCase()]?.responses;
	const response = follow(responses?.[status] ?? responses?.default ?? { $ref: "#/components/responses/Problem" });
	if (!responses) assert.ok(status === 404 || status === 405, what);
	if (!response.content) return assert.equal(json, undefined, what);
	const [[type, { schema }]] = Object.entries(response.content);
	assert.equal(headers.get("content-type"), type, what);
	assert.equal(headers.get("cache-control"), "no-store", what);
	check(schema.$ref.split("/").at(-1), json, what);
	if (type.includes("problem")) assert.equal(json.status, status, what);
}
