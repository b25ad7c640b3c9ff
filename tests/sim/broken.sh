#!/usr/bin/env bash
# Breaks the code in each way that the simulator knows, and fails if no seed notices.
# usage: broken.sh SIM [NAME...]
set -uo pipefail
sim=$1
shift

names=("$@")
[ $# -gt 0 ] || mapfile -t names < <("$sim" --list | awk '$1 == "broken" { print $2 }')
status=0
for name in "${names[@]}"; do
	printf '%-10s ' "$name"
	"$sim" "--broken=$name" --seeds=80 --steps=1000 || status=1
done
exit $status
