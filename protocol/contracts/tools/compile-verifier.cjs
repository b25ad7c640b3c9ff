// Compiles a verifier that snarkjs exported. usage: compile-verifier.cjs FILE.sol
// Prints how many public signals it takes, and its initcode.
'use strict';
const { readFileSync } = require('node:fs');
const solc = require('solc');

const [file] = process.argv.slice(2);
const output = JSON.parse(
	solc.compile(
		JSON.stringify({
			language: 'Solidity',
			sources: { verifier: { content: readFileSync(file, 'utf8') } },
			settings: {
				evmVersion: 'cancun',
				optimizer: { enabled: true, runs: 200 },
				outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
			},
		}),
	),
);
const errors = (output.errors ?? []).filter((error) => error.severity === 'error');
for (const error of errors) console.error(error.formattedMessage);
if (errors.length) process.exit(1);

for (const contract of Object.values(output.contracts.verifier)) {
	const signals = contract.abi.find((item) => item.name === 'verifyProof')?.inputs[3]?.type;
	const count = /^uint256\[(\d+)\]$/.exec(signals ?? '');
	if (!count) continue;
	console.log(`${count[1]} 0x${contract.evm.bytecode.object}`);
	process.exit(0);
}
console.error(`${file}: no contract with verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[N])`);
process.exit(1);
