#!/usr/bin/env bash
# Runs the verifier's deployment script against an anvil of its own. (tests/e2e/deploy.test.mjs has the contracts'.)
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

"$contracts/deploy-verifier.sh" --rpc "$rpc" --verifier "$contracts/test/fixtures/FactorsVerifier.sol" \
	--inputs "$(member "$contracts/test/fixtures/factors.json" inputs)" \
	--proof "$(member "$contracts/test/fixtures/factors.json" proof)" --out "$work/verifier.json"
expect "$(member "$work/verifier.json" chainId)" 31337
expect "$(call "$(member "$work/verifier.json" Groth16ProofVerifier)" 'checkSample()(bool)')" true

# what is wrong is said, and leaves no file
if "$contracts/deploy-verifier.sh" --rpc http://127.0.0.1:1 --out "$work/none.json" 2>"$work/said"; then die "deployed to nowhere"; fi
grep -q 'no node answers' "$work/said" || die "said instead: $(cat "$work/said")"
if "$contracts/deploy-verifier.sh" --rpc "$rpc" --verifier "$contracts/test/fixtures/FactorsVerifier.sol" \
	--inputs 0x00 --proof 0x00 --out "$work/none.json" 2>"$work/said"; then die "a wrong sample was deployed"; fi
[ ! -e "$work/none.json" ] || die "a failed deployment left a file"
