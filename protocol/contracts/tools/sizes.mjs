// Holds the core contracts' runtime code against EIP-170's limit. usage: sizes.mjs OUT
import { readFileSync } from 'node:fs';

const LIMIT = 24576;
const [out] = process.argv.slice(2);
for (const name of ['ProofMarketplace', 'GeneratorRegistry', 'EntityKeyRegistry', 'Groth16ProofVerifier']) {
	const artifact = JSON.parse(readFileSync(`${out}/${name}.sol/${name}.json`));
	const size = (artifact.deployedBytecode.object.length - 2) / 2;
	console.log(`${name}: ${size} of ${LIMIT} bytes`);
	if (size > LIMIT) process.exitCode = 1;
}
