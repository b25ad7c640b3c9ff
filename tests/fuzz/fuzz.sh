#!/usr/bin/env bash
# Runs fuzz targets from their seeds: first the seeds alone, then for some seconds of processor time, shared by them.
# usage: fuzz.sh FOLDER SECONDS [TARGET...]      (make fuzz; make test SUITES=fuzz)
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
folder=$1 seconds=$2
shift 2

[ $# -gt 0 ] || set -- "$folder"/target/*
seconds=$(((seconds + $# - 1) / $#)) # of each
export ASAN_OPTIONS=abort_on_error=0:detect_leaks=1:quarantine_size_mb=8
export LSAN_OPTIONS=print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1
mkdir -p "$folder"/{crashes,logs}

# What it found stays in corpus/ for the next run.
fuzz_one() {
	local name=$1 log="$folder/logs/$1.log" seeds="$folder/seeds/$1" corpus="$folder/corpus/$1"
	local options=(-timeout=10 -rss_limit_mb=1500 -max_len=8192 "-artifact_prefix=$folder/crashes/$name-")
	mkdir -p "$seeds" "$corpus"
	if ! "$folder/target/$name" "${options[@]}" -runs=0 "$seeds" >"$log" 2>&1 ||
		! "$folder/target/$name" "${options[@]}" -print_final_stats=1 "-max_total_time=$seconds" \
			"$corpus" "$seeds" >"$log" 2>&1; then
		tail -n 60 "$log"
		echo "$name: see $log and $folder/crashes/$name-*" >&2
		return 1
	fi
	awk -v name="$name" '
		/ cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1); else if ($i == "corp:") corp = $(i + 1) }
		/number_of_executed_units/ { runs = $2 }
		END { printf "%-12s %9d executions, %5d edges, corpus %s\n", name, runs, cov, corp }' "$log"
}

# As many at once as there are cores.
status=0
for name in "${@##*/}"; do
	while [ "$(jobs -pr | wc -l)" -ge "$(nproc)" ]; do wait -n || status=1; done
	fuzz_one "$name" &
done
while [ "$(jobs -p | wc -l)" -gt 0 ]; do wait -n || status=1; done
exit $status
