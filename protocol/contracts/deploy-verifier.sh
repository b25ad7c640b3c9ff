#!/usr/bin/env bash
# Deploys a market's verifier: what snarkjs exported, and a Groth16ProofVerifier around it.
#
#   deploy-verifier.sh --rpc URL --verifier FILE.sol --inputs HEX --proof HEX --out FILE [--key-env NAME]
#
# FILE.sol is written by `snarkjs zkey export solidityverifier`. HEX is the sample that the verifier carries: public
# signals as 32-byte words, and the proof's 8 words in the order of snarkjs' `verifyProof`. FILE gets
# {"chainId", "Groth16ProofVerifier", "exported"}; the first address is the one for createMarket.
. "$(dirname "$0")/tools/env.sh"
"$contracts/build.sh"
verifier='' inputs='' proof=''
deployment_options verifier inputs proof -- "$@"
[ -f "$verifier" ] || die "--verifier FILE.sol is missing"
[ -n "$inputs" ] && [ -n "$proof" ] || die "--inputs HEX or --proof HEX is missing"
compiled=$(node "$contracts/tools/compile-verifier.cjs" "$verifier") || die "$verifier doesn't compile"
read -r KALYPSO_INPUT_COUNT KALYPSO_EXPORTED_CODE <<<"$compiled"
export KALYPSO_INPUT_COUNT KALYPSO_EXPORTED_CODE KALYPSO_SAMPLE_INPUTS=$inputs KALYPSO_SAMPLE_PROOF=$proof
broadcast script/DeployVerifier.s.sol
echo "contracts: verifier $(member "$out" Groth16ProofVerifier) on chain $(member "$out" chainId)"
