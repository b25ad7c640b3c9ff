#!/usr/bin/env bash
# Runs the suites one after the other, says what each does and how long it took, and stops at the first that fails.
# usage: run.sh BUILD-FOLDER [SUITE...]      (make test; make test SUITES="unit e2e")
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
build=$1
shift

suites=(lint abi unit property sim fuzz contracts prover deploy e2e chaos)
[ $# -gt 0 ] && suites=("$@")
export ASAN_OPTIONS=abort_on_error=0:detect_leaks=1
export LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1

run_lint() { tests/lint/lint.sh "$build"; }
run_abi() { python3 protocol/gen/abicheck.py protocol/abi/kalypso.abi build/contracts/out protocol/contracts/src; }
run_fuzz() { tests/fuzz/fuzz.sh "$build/fuzz" 180; }
run_contracts() { protocol/contracts/test.sh; }
run_prover() { (cd deploy/local && npm test --silent); }

# One file after the other: each has its own market. The output only of those that fail. Real processes share the machine
# with whatever else runs there: a file that fails runs once more, and is named at the end if it passes then.
run_files() {
	local t at log status=0 unsteady=() run=(timeout --kill-after=60 1200 node --test)
	export KALYPSO_BIN=$PWD/$build/asan/bin
	for t in "$@"; do
		at=$SECONDS log="$build/logs/${t##*/}.log"
		mkdir -p "${log%/*}"
		if ! "${run[@]}" "$t" >"$log" 2>&1; then
			echo "$t: failed after $((SECONDS - at)) s ($log.failed), once more"
			mv "$log" "$log.failed"
			unsteady+=("$log.failed")
			if ! "${run[@]}" "$t" >"$log" 2>&1; then
				cat "$log"
				status=1
				continue
			fi
		fi
		echo "$t: $(sed -nE 's/^(#|ℹ) pass //p' "$log" | tail -n 1) passed in $((SECONDS - at)) s"
		sed -nE 's/^ *ok [0-9]+ - (.*) # SKIP (.+)$/\tskipped: \1: \2/p' "$log"
	done
	[ ${#unsteady[@]} = 0 ] || echo "failed the first time: ${unsteady[*]}: a race of the test or of what it tests, to be mended"
	return $status
}

run_deploy() { deploy/setup.sh deploy && run_files tests/deploy/*.test.mjs; }
run_e2e() { run_files tests/e2e/*.test.mjs; }

# A fault of each group; `make chaos` has more. As with e2e, all of it once more if one fails.
run_chaos() {
	local run=(node tests/chaos/chaos.mjs "--out=$build/chaos/report.json")
	export KALYPSO_BIN=$PWD/$build/asan/bin
	"${run[@]}" && return
	echo "chaos failed, once more"
	"${run[@]}"
}

# Every *_test in its own process; the output only of those that fail.
run_unit() {
	local t out status=0
	for t in "$build"/asan/{unit,property}/*_test; do
		out=$(timeout --kill-after=5 120 "$t" 2>&1) && continue
		status=1
		printf '%s\n%s\n' "--- $t" "$out"
	done
	return $status
}

# Ten million events against the plain procedure, as fast as they go; `unit` has a few under the sanitizers.
run_property() { "$build/release/property/match_test" 10000000 1000; }

# Markets in which everything goes wrong; some under the sanitizers; and the code broken on purpose.
run_sim() {
	"$build/sim/sim" --seeds=1000 --steps=2000 "--report=$build/sim/report.json" &&
		"$build/asan/sim" --seeds=4 --steps=400 &&
		tests/sim/broken.sh "$build/sim/sim"
}

began=$SECONDS
for suite in "${suites[@]}"; do
	echo "==== $suite"
	at=$SECONDS
	if ! "run_$suite"; then
		echo "==== $suite FAILED after $((SECONDS - at)) s; again with: make test SUITES=$suite" >&2
		exit 1
	fi
	echo "==== $suite passed in $((SECONDS - at)) s"
done
echo "==== all of ${suites[*]} passed in $((SECONDS - began)) s"
