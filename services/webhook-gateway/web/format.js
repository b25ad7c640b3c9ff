// How amounts, times and addresses are written. Pure.

// @units of a token with so many @decimals, as a person writes it.
export function amount(units, decimals, digits = 2) {
	const text = units.toString().padStart(decimals + 1, "0");
	const whole = text.slice(0, text.length - decimals);
	const part = text.slice(text.length - decimals).slice(0, digits);
	const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
	if (units > 0n && BigInt(whole) === 0n && !/[1-9]/.test(part)) return `<0.${"0".repeat(digits - 1)}1`;
	return part ? `${grouped}.${part.padEnd(digits, "0")}` : grouped;
}

export const short = (address) => `${address.slice(0, 6)}…${address.slice(-4)}`;
export const count = (n, what) => `${whole(n)} ${what}${n === 1 ? "" : "s"}`;
export const blocks = (n) => count(n, "block");
export const whole = (n) => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
export const percent = (part, all) => (all ? `${((100 * part) / all).toFixed(part === all || !part ? 0 : 1)} %` : "–");

export function seconds(s) {
	const n = Math.max(0, Math.round(s));
	if (n < 100) return `${n} s`;
	if (n < 6000) return `${Math.round(n / 60)} min`;
	return n < 172800 ? `${Math.round(n / 3600)} h` : `${Math.round(n / 86400)} d`;
}

// What is left until then, or how late it is.
export function countdown(ms) {
	const s = Math.round(ms / 1000);
	if (s < 0) return `${seconds(-s)} late`;
	return s < 3600 ? `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}` : seconds(s);
}

// Milliseconds of one of the API's times: RFC 3339, or decimal unix seconds from the year 10000 on.
export const time = (text) => (!text ? null : /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text));

export const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");
export const dateTime = (ms) => (ms > 253402300799000 ? "never" : `${new Date(ms).toLocaleDateString("en-CA")} ${clock(ms)}`);

export const requestHref = (id) => `#/request/${id}`;
export const generatorHref = (address) => `#/generator/${address}`;
