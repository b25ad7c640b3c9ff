// The description names what the code and protocol/messages have: routes, parameters, messages and their fields.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ROOT } from "../../../deploy/local/chain.mjs";
import { LOGS, NOT_ROUTES, openapi, schemaAt } from "./client.mjs";

const MESSAGES = join(ROOT, "protocol/messages");
const NOT_IN_A_LOG = ["request_record"];
const SIZES = { request_created: ["private_inputs_size", "acl_size"], tx_signed: ["raw_size"] };
// How a type of a field is described.
const FORMS = {
	u64: "U64", amount: "Amount", unix_s: "Time", address: "Address", hash32: "Hash", selector: "Selector", bytes: "Bytes",
	place: "Place", block_ref: "Block", u8: "integer", u16: "integer", u32: "integer", bool: "boolean", text: "string",
	hash32s: "array", u64s: "array",
};

function readMessages() {
	const messages = new Map();
	const enums = new Map();
	for (const file of readdirSync(MESSAGES).filter((f) => f.endsWith(".msg") && f !== "job.msg")) {
		let fields;
		for (const line of readFileSync(join(MESSAGES, file), "utf8").split("\n")) {
			const [, values, message, field, type] = line.match(/^(?:enum (\w+ .+)|message (\w+) .*|\t(\w+)\t(\w+).*)$/) ?? [];
			if (values) enums.set(values.split(" ")[0], values.split(" ").slice(1));
			if (message) messages.set(message, (fields = new Map()));
			if (field) fields.set(field, type);
		}
	}
	return { messages, enums };
}

const camel = (name) => name.split("_").map((part) => part[0].toUpperCase() + part.slice(1)).join("");

export function descriptionTests() {
	describe("the description", () => {
		test("has every message of the logs with its fields, and no other", () => {
			const { messages, enums } = readMessages();
			for (const name of NOT_IN_A_LOG) messages.delete(name);
			const { mapping } = openapi.components.schemas.Entry.discriminator;
			assert.deepEqual(Object.keys(mapping).sort(), [...messages.keys(), "unknown"].sort());
			assert.equal(openapi.components.schemas.Entry.oneOf.length, messages.size + 1);
			for (const [name, fields] of messages) {
				const { properties, required } = openapi.components.schemas[`Entry${camel(name)}`];
				const names = ["type", ...fields.keys(), ...(SIZES[name] ?? [])];
				assert.deepEqual(Object.keys(properties), names, name);
				assert.deepEqual(required, names, name);
				for (const [field, type] of fields) {
					const described = properties[field];
					if (enums.has(type)) assert.deepEqual(described.enum, enums.get(type), `${name}.${field}`);
					else assert.equal(described.$ref?.split("/").at(-1) ?? described.type, FORMS[type], `${name}.${field}`);
				}
			}
		});

		test("has every route of the code with its parameters, and no other", () => {
			const code = readFileSync(join(ROOT, "services/webhook-gateway/api.c"), "utf8");
			const [table] = code.match(/routes\[\] = \{[^]*?\n\};/);
			const routes = [...table.matchAll(/\{"(\/v1[^"]*)",[^{]*\{([^}]*)\}\}/g)];
			const described = Object.entries(openapi.paths).filter(([path]) => !NOT_ROUTES.includes(path));
			const plain = (path) => path.replace(/\{\w+\}/g, "*");
			assert.deepEqual(described.map(([path]) => plain(path)).sort(), routes.map(([, path]) => path).sort());
			for (const [path, { get }] of described) {
				const own = (get.parameters ?? []).map((p) => (p.$ref ? openapi.components.parameters[p.$ref.split("/").at(-1)] : p));
				const [, , args] = routes.find(([, route]) => route === plain(path));
				const names = own.filter((p) => p.in === "query").map(({ name }) => name);
				assert.deepEqual(names.sort(), [...args.matchAll(/"(\w+)"/g)].map(([, name]) => name).sort(), path);
			}
		});

		test("has the logs of links.def, and schemas that can be used", () => {
			const links = readFileSync(join(MESSAGES, "links.def"), "utf8");
			assert.deepEqual([...links.matchAll(/^LINK\((\w+),/gm)].map(([, name]) => name), LOGS);
			assert.deepEqual(openapi.components.schemas.LogName.enum, LOGS);
			for (const name of Object.keys(openapi.components.schemas)) schemaAt("components", "schemas", name);
			schemaAt("components", "schemas", "Problem")(
				{ type: "urn:kalypso:problem:not-found", title: "Not found", status: 404, detail: "", request_id: "a" },
				"a problem",
			);
		});
	});
}
