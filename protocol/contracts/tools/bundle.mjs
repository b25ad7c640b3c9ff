// Puts the compiled contracts that `kalypso deploy` needs into one file. usage: bundle.mjs OUT FILE
//
// Of each: its initcode, its runtime code, and where in the latter immutables are written when it is created ([start,
// length] in bytes), which is all that it takes to create it and to recognise it. FILE appears as a whole.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

const CONTRACTS = [
	'PaymentToken',
	'StakeToken',
	'TimelockController',
	'ProofMarketplace',
	'GeneratorRegistry',
	'EntityKeyRegistry',
	'ERC1967Proxy',
];

const [out, file] = process.argv.slice(2);
const contracts = {};
for (const name of CONTRACTS) {
	const path = `${out}/${name}.sol/${name}.json`;
	const { bytecode, deployedBytecode } = JSON.parse(readFileSync(path));
	for (const { object, linkReferences } of [bytecode, deployedBytecode])
		if (Object.keys(linkReferences ?? {}).length || !/^0x([0-9a-f]{2})+$/.test(object))
			throw new Error(`${path}: abstract, or wants a library, and kalypso deploy links none`);
	const holes = Object.values(deployedBytecode.immutableReferences ?? {}).flat();
	contracts[name] = {
		initcode: bytecode.object,
		runtime: deployedBytecode.object,
		immutables: holes.map(({ start, length }) => [start, length]).sort(([a], [b]) => a - b),
	};
}
writeFileSync(`${file}.new`, `${JSON.stringify({ format: 1, contracts })}\n`);
renameSync(`${file}.new`, file);
