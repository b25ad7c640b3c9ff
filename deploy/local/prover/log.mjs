// Writes one line per event to stderr: time, level, service, event, then key=value.

const LEVELS = ["debug", "info", "warn", "error"];
const settings = { service: "-", threshold: 1, json: false };

export function openLog({ service, level = "info", format = "text" }) {
	Object.assign(settings, { service, threshold: LEVELS.indexOf(level), json: format === "json" });
}

function toText(value) {
	const text = String(value).replace(/[\x00-\x1f\x7f]/g, "?");
	return /[ "]/.test(text) ? `"${text.replaceAll('"', "'")}"` : text;
}

function write(level, event, pairs) {
	if (LEVELS.indexOf(level) < settings.threshold) {
		return;
	}
	const time = new Date().toISOString();
	const known = Object.entries(pairs).filter(([, value]) => value !== undefined);
	const line = settings.json
		? JSON.stringify({
				time,
				level,
				service: settings.service,
				event,
				...Object.fromEntries(known.map(([key, value]) => [key, String(value)])),
			})
		: [
				time,
				level,
				settings.service,
				event,
				...known.map(([key, value]) => `${key}=${toText(value)}`),
			].join(" ");
	process.stderr.write(line + "\n");
}

export const log = Object.fromEntries(
	LEVELS.map((level) => [level, (event, pairs = {}) => write(level, event, pairs)]),
);
