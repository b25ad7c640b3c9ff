// Reads a program's options from flags and the environment; one table tells both and the help.
import { parseArgs } from "node:util";

// Rows of a table. A fallback of null means that the option must be set.
export const text = (name, fallback, unit, meaning) => ({
	kind: "text",
	name,
	fallback,
	unit,
	meaning,
});
export const choice = (name, choices, meaning) => ({
	...text(name, choices[0], choices.join("|"), meaning),
	choices,
});
export const number = (name, fallback, unit, meaning, least = 0) => ({
	...text(name, fallback, unit, meaning),
	kind: "number",
	least,
});
// May be given several times; in the environment with commas between.
export const texts = (name, unit, meaning) => ({
	...text(name, null, unit, meaning),
	kind: "texts",
});
export const flag = (name, meaning) => ({ ...text(name, false, "", meaning), kind: "flag" });

// An option is set by the flag --some-name=VALUE, else by KALYPSO_PROGRAM_SOME_NAME, else by its
// fallback.
export function readOptions(program, rows, argv = process.argv.slice(2), env = process.env) {
	const flags = parseFlags(rows, argv);
	if (flags.help) {
		process.stdout.write(helpText(program, rows));
		process.exit(0);
	}
	const options = {};
	for (const row of rows) {
		options[row.name] = toValue(row, flags[dashed(row)] ?? env[variable(program, row)]);
	}
	return options;
}

export class OptionError extends Error {}

function dashed({ name }) {
	return name.replaceAll("_", "-");
}

function variable(program, { name }) {
	return `KALYPSO_${program.name}_${name}`.toUpperCase().replaceAll("-", "_");
}

function parseFlags(rows, args) {
	const options = { help: { type: "boolean" } };
	for (const row of rows) {
		const type = row.kind === "flag" ? "boolean" : "string";
		options[dashed(row)] = { type, multiple: row.kind === "texts" };
	}
	try {
		return parseArgs({ args, options }).values;
	} catch (error) {
		throw new OptionError(error.message);
	}
}

function toNumber(row, given) {
	const number = Number(given);
	if (!/^\d+$/.test(given) || !Number.isSafeInteger(number) || number < row.least) {
		throw new OptionError(
			`--${dashed(row)} must be a number from ${row.least}, not '${given}'`,
		);
	}
	return number;
}

function toText(row, given) {
	if (row.choices && !row.choices.includes(given)) {
		throw new OptionError(
			`--${dashed(row)} must be one of ${row.choices.join(", ")}, not '${given}'`,
		);
	}
	return given;
}

function toFlag(row, given) {
	if (![true, "true", "false"].includes(given)) {
		throw new OptionError(`--${dashed(row)} must be true or false, not '${given}'`);
	}
	return given === true || given === "true";
}

function toTexts(row, given) {
	return Array.isArray(given) ? given : given.split(",").filter(Boolean);
}

function toValue(row, given) {
	if (given === undefined || given === "") {
		if (row.fallback === null) {
			throw new OptionError(`--${dashed(row)} must be given`);
		}
		return row.fallback;
	}
	return { number: toNumber, flag: toFlag, text: toText, texts: toTexts }[row.kind](row, given);
}

function helpLine(program, row) {
	const value = { flag: "", texts: `=${row.unit}, repeatable` }[row.kind] ?? `=${row.unit}`;
	const fallback =
		row.fallback === null || row.fallback === "" || row.kind === "flag"
			? ""
			: ` [${row.fallback}]`;
	return `  --${dashed(row)}${value}${fallback}\n      ${row.meaning}\n`;
}

export function helpText(program, rows) {
	const lines = rows.map((row) => helpLine(program, row)).join("");
	const example = variable(program, { name: "some_name" });
	return (
		`usage: ${program.usage}\n\n${program.summary}\n\n${lines}  --help\n      this text\n\n` +
		`--some-name=VALUE can be given as ${example}=VALUE in the environment too.\n`
	);
}
