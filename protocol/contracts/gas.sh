#!/usr/bin/env bash
# Measures gas, and writes protocol/contracts/.gas-snapshot, docs/gas.md and build/bench/gas.jsonl.
. "$(dirname "$0")/tools/env.sh"
cd "$contracts"
./build.sh
quietly snapshot "$bin/forge" snapshot --match-contract GasTest
node tools/gas-report.mjs
