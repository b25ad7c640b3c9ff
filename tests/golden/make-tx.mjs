// Writes tx.txt: signatures and EIP-1559 transactions as viem makes them; cast has to make the same transactions.
//
//	NODE_PATH=DIR CAST=FILE node tests/golden/make-tx.mjs	DIR/viem is viem 2.40, FILE is cast 1.7
//
//	sign NAME secret address digest signature		signature: r, s, 27 or 28
//	tx NAME secret chain nonce priority-fee max-fee gas to value data raw hash	numbers: the fewest bytes
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const viem = require('viem');
const { privateKeyToAccount } = require('viem/accounts');

const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const word = n => viem.numberToHex(n, { size: 32 });
// Numbers that look random and are the same each time.
const noise = (name, n) => viem.keccak256(viem.toHex(`${name} ${n}`));
const fewest = n => n === 0n ? '0x' : viem.numberToHex(n, { size: Math.ceil(n.toString(16).length / 2) });

const out = [];
const keys = [1n, 2n, order - 1n].map(word).concat([0, 1, 2].map(n => noise('key', n)));
for (const [k, key] of keys.entries()) {
	const account = privateKeyToAccount(key);
	const digests = [word(0n), `0x${'ff'.repeat(32)}`, noise('digest', k), noise('digest', k + 100)];
	for (const [d, digest] of digests.entries())
		out.push(`sign ${k}.${d} ${key} ${account.address.toLowerCase()} ${digest} ` +
			await account.sign({ hash: digest }));
}

const gwei = 10n ** 9n;
const max = 2n ** 256n - 1n;
const txs = [
	{ chainId: 31337, nonce: 0, maxPriorityFeePerGas: gwei, maxFeePerGas: 30n * gwei, gas: 21000n, value: 0n, data: '0x' },
	{ chainId: 1, nonce: 1, maxPriorityFeePerGas: 0n, maxFeePerGas: 0n, gas: 0n, value: 1n, data: '0x00' },
	{ chainId: 42161, nonce: 127, maxPriorityFeePerGas: 1n, maxFeePerGas: 1n, gas: 30000000n, value: max, data: '0x7f' },
	{ chainId: 421614, nonce: 128, maxPriorityFeePerGas: max, maxFeePerGas: max, gas: 127n, value: 128n, data: '0x80' },
	...[4, 54, 55, 56, 57, 255, 256, 257, 1024].map((size, n) => ({
		chainId: 31337 + n, nonce: 2 ** n * 1000, maxPriorityFeePerGas: BigInt(n) * gwei + 7n,
		maxFeePerGas: BigInt(n) * 3n * gwei + 8n, gas: 2n ** BigInt(4 * n) + 21000n, value: 10n ** BigInt(7 * n),
		data: viem.sliceHex(viem.concat(Array(Math.ceil(size / 32)).fill(noise('data', n))), 0, size),
	})),
];
for (const [n, tx] of txs.entries()) {
	const key = keys[n % keys.length];
	const to = viem.sliceHex(noise('to', n), 0, 20);
	const raw = await privateKeyToAccount(key).signTransaction({ ...tx, to, type: 'eip1559' });
	// cast takes fees up to 128 bits.
	if (tx.maxFeePerGas < 2n ** 128n) {
		const cast = execFileSync(process.env.CAST, ['mktx', '--private-key', key, '--chain', tx.chainId,
			'--nonce', tx.nonce, '--priority-gas-price', tx.maxPriorityFeePerGas, '--gas-price', tx.maxFeePerGas,
			'--gas-limit', tx.gas, '--value', tx.value, to, ...tx.data === '0x' ? [] : [tx.data]].map(String));
		if (cast.toString().trim() !== raw)
			throw new Error(`cast makes another transaction ${n}: ${cast}`);
	}
	const numbers = [tx.chainId, tx.nonce, tx.maxPriorityFeePerGas, tx.maxFeePerGas, tx.gas].map(v => fewest(BigInt(v)));
	out.push(['tx', n, key, ...numbers, to, fewest(tx.value), tx.data, raw, viem.keccak256(raw)].join(' '));
}
writeFileSync(new URL('tx.txt', import.meta.url), out.join('\n') + '\n');
