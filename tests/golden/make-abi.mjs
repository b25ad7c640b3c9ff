// Writes abi.txt: calls, answers, logs, reverts and EIP-712 hashes as viem makes them from the same description.
//
//	NODE_PATH=DIR node tests/golden/make-abi.mjs	DIR/viem is viem 2.40
//
// Lines are `KIND NAME HEX...`. Every value is filled with its number: k counts the values of an item from 1, those
// inside of structs and arrays too. uintN, address, bytes32 and bytes4 have all bytes k; bytes and strings are 5 k bytes
// of k; a bool is true for odd k; an enum is k modulo its size; an array has two elements.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const viem = require('viem');

const here = new URL('.', import.meta.url);
const text = readFileSync(new URL('../../protocol/abi/kalypso.abi', here), 'utf8').replace(/\/\/.*/g, '');
const statements = text.match(/\b(?:domain|contract|event|function|error|typed)\b[^;]*;|\b(?:struct|enum)\b[^}]*\}/g)
	.map(s => s.replace(/\s+/g, ' ').replace(/;$/, ''));
const enums = new Map(statements.filter(s => s.startsWith('enum '))
	.map(s => [s.split(' ')[1], s.split(',').length]));
const domainLine = statements.find(s => s.startsWith('domain ')).split(' ');

// Enums become uint8, but remember their size in the parameter's name.
const marked = s => s.replace(/\b(\w+) (\w+)/g, (all, type, name) =>
	enums.has(type) ? `uint8 ${name}__${enums.get(type)}` : all);
const lines = [...new Set(statements.filter(s => /^(struct|event|function|error) /.test(s)).map(marked))];
const abi = viem.parseAbi(lines);

const hex = (k, size) => `0x${k.toString(16).padStart(2, '0').repeat(size)}`;

function fill(p, count) {
	if (p.type.endsWith('[]')) {
		const element = { ...p, type: p.type.slice(0, -2) };
		return [fill(element, count), fill(element, count)];
	}
	if (p.type === 'tuple')
		return Object.fromEntries(p.components.map(c => [c.name, fill(c, count)]));
	const k = ++count.k;
	const size = p.name?.match(/__(\d+)$/);
	if (size)
		return k % Number(size[1]);
	if (p.type === 'bool')
		return k % 2 === 1;
	if (p.type === 'address')
		return viem.getAddress(hex(k, 20));
	if (p.type === 'bytes')
		return hex(k, 5 * k);
	if (p.type === 'string')
		return String.fromCharCode(k).repeat(5 * k);
	if (p.type.startsWith('bytes'))
		return hex(k, Number(p.type.slice(5)));
	const value = BigInt(hex(k, Number(p.type.slice(4)) / 8));
	return Number(p.type.slice(4)) <= 48 ? Number(value) : value;
}

const fillAll = params => {
	const count = { k: 0 };
	return params.map(p => fill(p, count));
};

const out = [];
for (const i of abi.filter(i => i.type === 'function')) {
	out.push(`call ${i.name} ${viem.encodeFunctionData({ abi: [i], args: fillAll(i.inputs) })}`);
	if (i.outputs.length > 0)
		out.push(`answer ${i.name} ${viem.encodeAbiParameters(i.outputs, fillAll(i.outputs))}`);
}
for (const i of abi.filter(i => i.type === 'event')) {
	const values = fillAll(i.inputs);
	const args = Object.fromEntries(i.inputs.map((p, n) => [p.name, values[n]]));
	const topics = viem.encodeEventTopics({ abi: [i], args });
	const plain = i.inputs.map((p, n) => [p, values[n]]).filter(([p]) => !p.indexed);
	const data = viem.encodeAbiParameters(plain.map(([p]) => p), plain.map(([, v]) => v));
	out.push(`event ${i.name} ${data} ${viem.concat(topics)}`);
}
for (const i of abi.filter(i => i.type === 'error'))
	out.push(`error ${i.name} ${viem.encodeErrorResult({ abi: [i], args: fillAll(i.inputs) })}`);
const builtin = viem.parseAbi(['error Error(string)', 'error Panic(uint256)']);
out.push(`error Error ${viem.encodeErrorResult({ abi: builtin, errorName: 'Error', args: ['no \u2192 "way"\n'] })}`);
out.push(`error Panic ${viem.encodeErrorResult({ abi: builtin, errorName: 'Panic', args: [0x11n] })}`);

// The types as contracts sign them are written out here by hand: the description must come to the same.
const typed = {
	Assignments: 'Assignment[] assignments,Decision decision',
	Assignment: 'uint256 requestId,address generator,uint128 price,uint32 responseTime,bytes acl',
	Decision: 'uint64 batch,uint64 blockNumber,bytes32 blockHash,uint64 validUntil,bytes32 matchRoot',
	CreateRequest: 'address requester,RequestParams params,bytes inputs,bytes privateInputs,bytes acl,uint256 nonce',
	RequestParams: 'uint256 marketId,uint128 maxPrice,uint32 maxResponseTime,uint64 expiry,uint8 preference,' +
		'address refundTo,uint64 spread',
	CancelRequest: 'uint256 requestId,bytes32 inputsHash',
	RejectRequests: 'uint256[] requestIds',
	RegisterKey: 'address owner,uint256 marketId,bytes publicKey',
	InvalidInputs: 'uint256 requestId,bytes32 inputsHash,bytes32 secretsHash',
	Attestation: 'bytes publicKey,bytes PCR0,bytes PCR1,bytes PCR2,uint64 timestamp',
	VerifiedProof: 'bytes32 inputsHash,bytes32 proofHash',
};
const types = Object.fromEntries(Object.entries(typed).map(([name, members]) =>
	[name, members.split(',').map(m => ({ type: m.split(' ')[0], name: m.split(' ')[1] }))]));
const sample = (type, count, name) => {
	if (type.endsWith('[]'))
		return [sample(type.slice(0, -2), count), sample(type.slice(0, -2), count)];
	if (types[type])
		return Object.fromEntries(types[type].map(m => [m.name, sample(m.type, count, m.name)]));
	return fill({ type, name: name === 'preference' ? `preference__${enums.get('Preference')}` : name }, count);
};
const domain = { name: domainLine[1], version: domainLine[2], chainId: 31337, verifyingContract: hex(0xcc, 20) };
out.push(`domain Kalypso ${viem.domainSeparator({ domain })}`);
for (const primaryType of Object.keys(typed)) {
	if (['Assignment', 'Decision', 'RequestParams'].includes(primaryType))
		continue;
	const message = sample(primaryType, { k: 0 });
	const struct = viem.hashStruct({ data: message, types, primaryType });
	out.push(`typed ${primaryType} ${struct} ${viem.hashTypedData({ domain, types, primaryType, message })}`);
}

writeFileSync(new URL('abi.txt', here), out.join('\n') + '\n');
