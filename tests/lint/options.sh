#!/usr/bin/env bash
# Holds what docs/ repeats against what it repeats: tables of options, names of metrics, the page of messages.
# usage: options.sh BIN-FOLDER [--write]      (--write mends tables and page; names of metrics are mended by hand)
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
bin=$(realpath "$1") || exit 2
write=${2:-}
bad=0

complain() {
	echo "lint: $1" >&2
	bad=1
}

# between FILE MARK: the lines after `<!-- MARK -->` and before the next `<!-- end -->`, blank ones left out.
between() {
	awk -v mark="<!-- $2 -->" '$0 == mark {on = 1; next} $0 == "<!-- end -->" {on = 0} on && NF' "$1"
}

# replace FILE MARK: the same lines become what is on standard input.
replace() {
	local text
	text=$(cat)
	TEXT=$text awk -v mark="<!-- $2 -->" '
		$0 == "<!-- end -->" {on = 0}
		!on {print}
		$0 == mark {on = 1; print ENVIRON["TEXT"]}' "$1" >"$1.new" && mv "$1.new" "$1"
}

# ---- tables of options
for folder in services/*/; do
	service=$(basename "$folder")
	[ -f "$folder/config.def" ] || continue
	page=$(grep -lxF "<!-- options $service -->" docs/*.md)
	if [ "$(wc -w <<<"$page")" != 1 ]; then
		complain "docs/ has the options of $service $(wc -w <<<"$page") times, not once"
		continue
	fi
	table=$("$bin/$service" --options-markdown) || { complain "$service --options-markdown fails"; continue; }
	[ "$(between "$page" "options $service")" = "$(grep . <<<"$table")" ] && continue
	if [ "$write" = --write ]; then
		replace "$page" "options $service" <<<"$table"
	else
		complain "$page: not the options of $service: tests/lint/options.sh $1 --write"
	fi
done

# ---- names of metrics: each in a table once, and no others
in_code() {
	git ls-files --cached --others --exclude-standard 'common/*.[ch]' 'services/*.[ch]' | xargs cat |
		tr '\n\t' '  ' | grep -oE '(METRIC(_LABELLED)?\( *[A-Z]+, *|ALARM\( *)"[a-z0-9_]+"' |
		sed -E 's/^ALARM.*"(.*)"/alarm_\1/; s/.*"(.*)"/\1/' | sort -u
}
in_docs() {
	local page
	for page in docs/*.md; do
		between "$page" metrics | cut -d'|' -f2 | tr ' ' '\n' | sed -nE "s/^\`([a-z0-9_]+)\`\$/\1/p"
	done | sort
}
while IFS= read -r name; do complain "docs/ doesn't say what the metric $name means"; done \
	< <(comm -23 <(in_code) <(in_docs | uniq))
while IFS= read -r name; do complain "docs/ tells of a metric that isn't there: $name"; done \
	< <(comm -13 <(in_code) <(in_docs | uniq))

# ---- the page of messages
if ! python3 protocol/gen/msggen.py doc protocol/messages | cmp -s - docs/messages.md; then
	if [ "$write" = --write ]; then
		python3 protocol/gen/msggen.py doc protocol/messages >docs/messages.md
	else
		complain "docs/messages.md isn't what protocol/messages says: tests/lint/options.sh $1 --write"
	fi
fi

exit $bad
