#!/usr/bin/env bash
# Runs both deployment scripts against an anvil of its own: a development deployment, one with a timelock, a verifier.
. "$(dirname "$0")/../tools/env.sh"
work=$(mktemp -d)
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
rpc=http://127.0.0.1:$port
"$bin/anvil" --port "$port" --silent &
anvil=$!
trap 'kill $anvil; rm -rf "$work"' EXIT
for _ in $(seq 100); do
	"$bin/cast" chain-id --rpc-url "$rpc" >/dev/null 2>&1 && break
	kill -0 $anvil 2>/dev/null || die "anvil ended"
done

call() { "$bin/cast" call --rpc-url "$rpc" "$@"; }
expect() { [ "$1" = "$2" ] || die "expected $2, got $1"; }
zero=0x0000000000000000000000000000000000000000000000000000000000000000
deployer=0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266

"$contracts/deploy.sh" --rpc "$rpc" --out "$work/dev.json"
market=$(member "$work/dev.json" ProofMarketplace)
expect "$(member "$work/dev.json" chainId)" 31337
expect "$(member "$work/dev.json" startBlock)" 0
expect "$(call "$market" 'registry()(address)')" "$(member "$work/dev.json" GeneratorRegistry)"
expect "$(call "$market" 'keyRegistry()(address)')" "$(member "$work/dev.json" EntityKeyRegistry)"
expect "$(call "$market" 'paymentToken()(address)')" "$(member "$work/dev.json" PaymentToken)"
expect "$(call "$market" 'stakeToken()(address)')" "$(member "$work/dev.json" StakeToken)"
expect "$(call "$market" 'hasRole(bytes32,address)(bool)' $zero $deployer)" true

# the second account deploys for real: tokens are given, and the first account only proposes
DEPLOYER=0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d \
	KALYPSO_DEVELOPMENT=false KALYPSO_ADMIN=$deployer \
	KALYPSO_PAYMENT_TOKEN=$(member "$work/dev.json" PaymentToken) \
	KALYPSO_STAKE_TOKEN=$(member "$work/dev.json" StakeToken) \
	"$contracts/deploy.sh" --rpc "$rpc" --out "$work/real/deployed.json" --key-env DEPLOYER
market=$(member "$work/real/deployed.json" ProofMarketplace)
expect "$(call "$market" 'hasRole(bytes32,address)(bool)' $zero $deployer)" false
expect "$(call "$market" 'setting(bytes32)(uint256)' "$("$bin/cast" format-bytes32-string activationDelay)")" "86400 [8.64e4]"

"$contracts/deploy-verifier.sh" --rpc "$rpc" --verifier "$contracts/test/fixtures/FactorsVerifier.sol" \
	--inputs "$(member "$contracts/test/fixtures/factors.json" inputs)" \
	--proof "$(member "$contracts/test/fixtures/factors.json" proof)" --out "$work/verifier.json"
expect "$(call "$(member "$work/verifier.json" Groth16ProofVerifier)" 'checkSample()(bool)')" true

# what is wrong is said, and leaves no file
if "$contracts/deploy.sh" --rpc http://127.0.0.1:1 --out "$work/none.json" 2>"$work/said"; then die "deployed to nowhere"; fi
grep -q 'no node answers' "$work/said" || die "said instead: $(cat "$work/said")"
if "$contracts/deploy-verifier.sh" --rpc "$rpc" --verifier "$contracts/test/fixtures/FactorsVerifier.sol" \
	--inputs 0x00 --proof 0x00 --out "$work/none.json" 2>"$work/said"; then die "a wrong sample was deployed"; fi
[ ! -e "$work/none.json" ] || die "a failed deployment left a file"
