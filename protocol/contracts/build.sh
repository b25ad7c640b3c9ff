#!/usr/bin/env bash
# Installs what package-lock.json names, if that changed, and compiles what changed. Quiet unless something is wrong.
. "$(dirname "$0")/tools/env.sh"
cd "$contracts"

# One at a time: forge's cache is one file.
exec 9>"$build/lock"
flock 9

if ! cmp -s package-lock.json "$build/installed-lock.json" || [ ! -x "$bin/forge" ]; then
	quietly install npm ci --ignore-scripts --no-audit --no-fund
	cp package-lock.json "$build/installed-lock.json"
fi
quietly build "$bin/forge" build
