#!/usr/bin/env bash
# What no compiler checks: layout, purity of the cores, who may include what, words that don't belong in a finished tree.
# usage: lint.sh BUILD-FOLDER (with release objects)
set -uo pipefail
shopt -s lastpipe # so that what a loop behind a pipe finds is remembered
cd "$(dirname "$0")/../.." || exit 2
build=$1
bad=0

complain() {
	echo "lint: $1" >&2
	bad=1
}

# each CHECK WHAT: complains with WHAT about every line that CHECK prints.
each() {
	local line
	while IFS= read -r line; do complain "$line: $1"; done
}

sources() { git ls-files --cached --others --exclude-standard "$@"; }

# ---- C layout
sources '*.c' '*.h' | while read -r f; do
	clang-format-14 --dry-run -Werror "$f" 2>/dev/null || echo "$f"
done | each "isn't laid out by clang-format: make format"
# clang-format leaves comments as they are: it would take drawings apart.
sources '*.c' '*.h' | while read -r f; do
	LC_ALL=C.UTF-8 sed 's/[^ -~\t]/x/g' "$f" | expand | grep -nE '^.{81}' | grep -E '^[0-9]+: *(/\*| \*)' | sed "s|^|$f:|"
done | each "a comment is longer than 80 columns"

# ---- first lines say what a file is for
sources '*.c' '*.h' '*.mjs' '*.js' '*.py' '*.sh' '*.lua' '*.def' '*.msg' | while read -r f; do
	# Not grep -q: it would close the pipe on a head that has more to write.
	head -n 3 "$f" | grep -E '(/\*|//|#|""").*[[:alpha:]]{3}|^-- ' >/dev/null || echo "$f"
done | each "its first lines don't say what it is for"

# ---- a core needs nothing of the outside world but these
libc='abort|calloc|free|malloc|realloc|mem[a-z]+|str[a-z]+|__assert_fail|__stack_chk_fail|__mem[a-z]+_chk|__str[a-z]+_chk|snprintf|__snprintf_chk|_GLOBAL_OFFSET_TABLE_'
ours='err|buf|u256|amount|wire|msg|state|order|pool|ranking|waiting|lapse|map|undo|table|sha256|keccak|keccak256|hex|address|hash32|hash32s|u64s|abi|eip712|tx|secret_key|public_key|fork|outbox|translate|preference|protocol|outcome|evm_bloom'
cores='chain-indexer/index orderbook/book matcher/match task-publisher/publish slasher-watcher/watch listener/job webhook-gateway/view webhook-gateway/why'
for core in $cores; do
	noun=${core#*/}
	[ "$noun" = why ] && noun='why|match' # a copy of the matcher's core
	for object in "$build/release/obj/services/$core"*.o; do
		[ -f "$object" ] || continue
		nm -u "$object" | awk '{print $2}' | grep -vxE "($libc)|($ours|$noun)(_[a-z0-9_]*)?" | sed "s|^|$object needs |"
	done
done | each "a core may not"
for object in "$build"/release/obj/common/{fork,providers,agree,span,refusal,outbox,outbox_journal,outbox_sign,state,table,undo,map,order,pool,wire}.o; do
	nm -u "$object" | awk '{print $2}' | grep -vxE "($libc|gmtime_r|strftime|mmap|munmap)|($ours)(_[a-z0-9_]*)?" | sed "s|^|$object needs |"
done | each "a pure part of common may not"

# ---- who may include what
sources 'common/*.[ch]' | xargs grep -nE '#include "services/' | each "common/ uses no service"
sources 'common/*.[ch]' | xargs grep -lE '#include <czmq.h>' | grep -vxE 'common/(bus|bus_guard|bus_keys|conf_names|heads|loop)\.c' | each "only the bus, conf, heads and loop include czmq.h"
sources 'services/*.[ch]' | xargs grep -lE '#include <(czmq|zmq|hiredis.*|sqlite3|curl/curl)\.h>' | each "services reach libraries through common/"
sources 'services/*.[ch]' | while read -r f; do
	service=$(cut -d/ -f2 <<<"$f")
	noun=$(sed -nE "s/^SERVICE\(\"$service\", *([a-z]+)\).*/\1/p" protocol/messages/links.def)
	grep -oE '#include "wire_[a-z]+\.h"' "$f" | grep -v "wire_$noun.h" | sed "s|^|$f: |"
done | grep -vE '^services/(kalypso|webhook-gateway)/' | each "a service speaks only for itself"

# ---- words
sources '*.c' '*.h' '*.sol' '*.mjs' '*.js' '*.py' '*.sh' '*.md' '*.def' '*.msg' '*.lua' Makefile '*.mk' | grep -v '^tests/lint/' |
	xargs grep -nE '\b(TODO|FIXME|XXX|HACK)\b|not implemented|\.\./shared' | each "finish it, or say elsewhere why not"
sources 'tests/*' | grep -v '^tests/lint/' | xargs grep -nE '\b(usleep|sleep)\([0-9]{6,}\)' | each "wait for the event, with a bound"

# ---- shell, JavaScript, Python
sources '*.sh' .ci/run | xargs shellcheck -s bash -x -P SCRIPTDIR -e SC2154,SC2015 || bad=1
sources '*.mjs' '*.js' '*.cjs' | while read -r f; do node --check "$f" 2>/dev/null || echo "$f"; done | each "isn't JavaScript"
sources '*.py' | xargs python3 -m py_compile || bad=1

# ---- what docs/ repeats is what it repeats
tests/lint/options.sh "$build/release/bin" || bad=1

# ---- the layout that was agreed
sources | cut -d/ -f1 | sort -u |
	grep -vxE 'Makefile|services|common|protocol|deploy|docker-compose.yml|tests|docs|README.md|LICENSE|CHANGELOG.md|CONTRIBUTING.md|SECURITY.md|\..*' |
	each "nothing else at the top"

exit $bad
