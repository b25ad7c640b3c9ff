#!/usr/bin/env bash
# All checks of the contracts: layout, sizes, tests, gas, and the deployment of a verifier to a node of its own.
. "$(dirname "$0")/tools/env.sh"
cd "$contracts"
./build.sh

echo "contracts: layout and sizes"
quietly fmt "$bin/forge" fmt --check
node tools/sizes.mjs "$build/out"

echo "contracts: tests"
quietly test "$bin/forge" test
tail -n 1 "$build/test.log"

echo "contracts: gas (if it changed: run protocol/contracts/gas.sh, and commit what it writes)"
quietly snapshot "$bin/forge" snapshot --match-contract GasTest --check
node tools/gas-report.mjs --check

echo "contracts: deployment"
test/deploy.sh
