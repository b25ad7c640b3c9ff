// Publishes what test/Gas.t.sol measured (forge leaves it in build/contracts/snapshots/gas.json): docs/gas.md for
// people, build/bench/gas.jsonl for programs. With --check it only says whether docs/gas.md is up to date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const root = new URL('../../../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');
const gas = JSON.parse(read('build/contracts/snapshots/gas.json'));
const solc = JSON.parse(read('protocol/contracts/node_modules/solc/package.json')).version;
const forge = JSON.parse(read('protocol/contracts/node_modules/@foundry-rs/forge-linux-amd64/package.json')).version;

// name, what it is, items in the transaction, most that it may cost (per item; Gas.t.sol fails above)
const rows = [
	['create', '`createRequest`', 1, 140_000],
	['create_16', '`createRequests`', 16, 90_000],
	['create_for', '`createRequestFor`, paid by somebody else, who gets the refund', 1],
	['cancel', '`cancelRequest`', 1],
	['cancel_16', '`cancelRequests`', 16],
	['assign', '`assignTasks`', 1],
	['assign_32', '`assignTasks`, 32 generators', 32, 75_000],
	['assign_32_one_generator', '`assignTasks`, one generator', 32],
	['prove', '`submitProof`', 1, 95_000],
	['prove_16', '`submitProofs`, one generator', 16, 55_000],
	['prove_16_generators', '`submitProofs`, 16 generators', 16, 55_000],
	['prove_groth16', '`submitProof`, with a real Groth16 verifier (2 public inputs)', 1],
	['slash', '`slash`', 1],
	['slash_16', '`slashMany`, 16 generators', 16],
	['withdraw', '`withdraw`', 1],
	['create_market', '`createMarket`', 1],
	['register', '`register`', 1],
	['stake', '`stake`', 1],
	['join_market', '`joinMarket`', 1],
	['update_quote', '`updateQuote`, the first change of a quote', 1],
	['leave_market', '`leaveMarket`', 1],
	['request_unstake', '`requestUnstake`', 1],
];

const missing = rows.filter(([name]) => !(name in gas)).map(([name]) => name);
const unlisted = Object.keys(gas).filter((name) => !rows.some((row) => row[0] === name));
if (missing.length || unlisted.length) {
	console.error(`gas-report: not measured: ${missing}; not listed here: ${unlisted}`);
	process.exit(1);
}

const number = (n) => Number(n).toLocaleString('en-US');
const line = ([name, what, items, most]) =>
	`| \`gas_${name}\` | ${what} | ${items} | ${number(gas[name])} | ${most ? number(most) : ''} |`;
const page = `# Gas

What a transaction costs, as a node charges it: behind the proxies, with base cost, call data, logs and the
transfer of tokens. Per item, where a transaction has several. Written by \`protocol/contracts/gas.sh\` from
\`protocol/contracts/test/Gas.t.sol\`; solc ${solc}, forge ${forge}, Cancun.

| name | call | items | gas per item | at most |
|---|---|---:|---:|---:|
${rows.map(line).join('\n')}

Inputs are 64 bytes, proofs 256 bytes without a zero. The verifier says yes and costs next to nothing; the call to
it (2,700 gas) is included. Whoever is credited holds a balance already, and payers gave an unlimited allowance.
The first balance of an account costs 17,100 more, and so does each 256th batch number.

A transaction needs hardly more than this as its gas limit, except where a verifier says no: then the limit has to
leave room for the setting \`verifierGas\`, or everything reverts with \`GasTooLow\` (see contracts.md).
`;

if (process.argv.includes('--check')) {
	if (read('docs/gas.md') !== page) {
		console.error('gas-report: docs/gas.md is out of date: run protocol/contracts/gas.sh');
		process.exit(1);
	}
} else {
	writeFileSync(new URL('docs/gas.md', root), page);
	mkdirSync(new URL('build/bench/', root), { recursive: true });
	const records = rows.map(([name]) => JSON.stringify({ name: `gas_${name}`, value: Number(gas[name]), unit: 'gas' }));
	writeFileSync(new URL('build/bench/gas.jsonl', root), records.join('\n') + '\n');
	console.log('contracts: wrote docs/gas.md and build/bench/gas.jsonl');
}
