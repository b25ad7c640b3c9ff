#!/usr/bin/env bash
# Installs what package-lock.json names, if that changed, and compiles what changed. Quiet unless something is wrong.
. "$(dirname "$0")/tools/env.sh"
cd "$contracts"

# One at a time: forge's cache is one file.
exec 9>"$build/lock"
flock 9

installed=$root/build/npm-protocol-contracts.lock # as deploy/setup.sh has it
if ! cmp -s package-lock.json "$installed" || [ ! -x "$bin/forge" ]; then
	quietly install npm ci --ignore-scripts --no-audit --no-fund
	cp package-lock.json "$installed"
fi
# `forge script` compiles everything its own way if a build came first, and a build goes on from what it compiled.
# Tests are compiled by who runs them.
quietly build "$bin/forge" script script/DeployVerifier.s.sol --sig 'IS_SCRIPT()'
quietly build "$bin/forge" build --skip test
# What `kalypso deploy` puts on a chain.
node tools/bundle.mjs "$build/out" "$build/contracts.json"
