# What the scripts here share; sourced by them. Paths, tools, and who pays for a deployment.
set -euo pipefail
export FOUNDRY_DISABLE_NIGHTLY_WARNING=1

contracts=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
root=$(cd "$contracts/../.." && pwd)
build="$root/build/contracts"
bin="$contracts/node_modules/.bin"
mkdir -p "$build"

die() {
	echo "contracts: $*" >&2
	exit 1
}

# quietly NAME COMMAND...: its output goes to a log, which is shown if it fails.
quietly() {
	local log="$build/$1.log"
	shift
	if ! "$@" >"$log" 2>&1; then
		tail -n 60 "$log" >&2
		die "failed: ${1##*/} ${2:-} (all of it: $log)"
	fi
}

# The address in FILE's member NAME.
member() {
	node -p 'JSON.parse(require("fs").readFileSync(process.argv[1]))[process.argv[2]]' "$1" "$2"
}

# Reads --rpc, --out, --key-env and what else a script names (into the variable of that name), and exports what the
# forge scripts want: KALYPSO_DEPLOYER_KEY, never as an argument, and KALYPSO_OUT, a temporary file.
deployment_options() {
	local allowed=" rpc out key-env $* " name
	while [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done
	shift
	rpc='' out='' key_env=''
	while [ $# -gt 0 ]; do
		name=${1#--}
		[[ "$allowed" == *" $name "* && "$1" == --* ]] || die "unknown option $1"
		[ $# -ge 2 ] || die "$1 wants a value"
		printf -v "${name//-/_}" %s "$2"
		shift 2
	done
	[ -n "$rpc" ] || die "--rpc URL is missing"
	[ -n "$out" ] || die "--out FILE is missing"

	local chain key
	chain=$("$bin/cast" chain-id --rpc-url "$rpc" 2>/dev/null) || die "no node answers at $rpc"
	if [ -n "$key_env" ]; then
		key=$(printenv "$key_env") || die "the environment has no $key_env"
	elif [ -n "${KALYPSO_DEPLOYER_KEY:-}" ]; then
		key=$KALYPSO_DEPLOYER_KEY
	elif [ "$chain" = 31337 ]; then
		key=0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80 # anvil's first account, known to all
	else
		die "chain $chain is no development chain: name the variable that holds the deployer's key with --key-env"
	fi
	[[ "$key" == 0x* ]] || key=0x$key
	export KALYPSO_DEPLOYER_KEY=$key
	KALYPSO_OUT=$(mktemp "$build/deployed.XXXXXX")
	export KALYPSO_OUT
	trap 'rm -rf "$KALYPSO_OUT" "$KALYPSO_OUT.broadcast"' EXIT
}

# Runs a forge script; what it wrote becomes FILE only when everything is on the chain. Several may run at once.
broadcast() {
	export FOUNDRY_BROADCAST=$KALYPSO_OUT.broadcast
	(cd "$contracts" && quietly "deploy-$$" "$bin/forge" script "$1" --rpc-url "$rpc" --broadcast --slow --non-interactive)
	rm -f "$build/deploy-$$.log"
	mkdir -p "$(dirname "$out")"
	chmod 644 "$KALYPSO_OUT"
	mv "$KALYPSO_OUT" "$out"
}
