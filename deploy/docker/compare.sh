#!/usr/bin/env bash
# Says in what two images differ, layer by layer, apart from times: names, kinds, owners, modes and contents of files, and
# how the image is run. Ends with status 1 if they differ.
# usage: deploy/docker/compare.sh IMAGE IMAGE
set -euo pipefail
[ $# = 2 ] || { sed -n '4s/^# //p' "$0" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
bad=0

# What is said of an image that isn't a file.
settings() {
	docker image inspect --format '{{.Os}} {{.Architecture}}
{{json .Config.User}} {{json .Config.WorkingDir}} {{json .Config.Entrypoint}} {{json .Config.Cmd}}
{{json .Config.Env}}
{{json .Config.Labels}}' "$1"
}

# layers IMAGE FOLDER: unpacks it there; FOLDER/layers names its layers, the first first.
layers() {
	mkdir "$2"
	docker save "$1" | tar -x -C "$2"
	grep -oP '"Layers":\[\K[^]]*' "$2/manifest.json" | tr -d '"' | tr ',' '\n' >"$2/layers"
}

# Each entry of a layer as tar lists it, without its time; then the sum of each file.
entries() {
	tar -tv --numeric-owner -f "$1" | sed -E 's/ +([0-9,]+) [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+ / \1 /' | sort -k 4
	rm -rf "$folder/files"
	mkdir "$folder/files"
	tar -x --no-same-owner -C "$folder/files" -f "$1"
	(cd "$folder/files" && find . -type f -print0 | sort -z | xargs -0 --no-run-if-empty sha256sum)
}

# compare WHAT FILE FILE
compare() {
	if diff "$2" "$3" >"$folder/diff"; then
		echo "compare: $1: the same"
	else
		echo "compare: $1: they differ" && grep '^[<>]' "$folder/diff"
		bad=1
	fi
}

layers "$1" "$folder/a"
layers "$2" "$folder/b"
settings "$1" >"$folder/a/settings"
settings "$2" >"$folder/b/settings"
compare settings "$folder/a/settings" "$folder/b/settings"
number=0
paste -d : "$folder/a/layers" "$folder/b/layers" >"$folder/layers"
while IFS=: read -r one other; do
	number=$((number + 1))
	for side in a b; do : >"$folder/$side/list"; done
	[ -z "$one" ] || entries "$folder/a/$one" >"$folder/a/list"
	[ -z "$other" ] || entries "$folder/b/$other" >"$folder/b/list"
	compare "layer $number, $(grep -cE '^[0-9a-f]{64} ' "$folder/a/list" || true) files" "$folder/a/list" "$folder/b/list"
done <"$folder/layers"
exit $bad
