#!/usr/bin/env bash
# Sees to it that the images' base, debian:bookworm-slim, is there: pulled, or made of Debian's packages where no
# registry answers. What this machine trusts (usr/local/share/ca-certificates) the made one trusts too: it may be
# behind a proxy.
# usage: deploy/docker/base.sh
set -euo pipefail
base=debian:bookworm-slim

say() { echo "base: $*"; }
die() {
	echo "base: $*" >&2
	exit 1
}

make_base() {
	local folder ca=/usr/local/share/ca-certificates
	folder=$(mktemp -d)
	# shellcheck disable=SC2064 # the folder of now
	trap "rm -rf '$folder'" EXIT
	mmdebstrap --variant=apt --include=ca-certificates --aptopt='Acquire::Languages "none"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook="if ls $ca/*.crt >/dev/null 2>&1; then cp $ca/*.crt \"\$1$ca/\" && chroot \"\$1\" update-ca-certificates; fi" \
		bookworm "$folder/base.tar" >"$folder/log" 2>&1 ||
		{ tail -n 20 "$folder/log" >&2; die "mmdebstrap failed"; }
	docker import --change 'CMD ["/bin/bash"]' "$folder/base.tar" "$base" >/dev/null
}

docker version >/dev/null 2>&1 || die "no docker daemon answers: start it, or set DOCKER_HOST"
if docker image inspect "$base" >/dev/null 2>&1; then
	say "$base is there"
elif docker pull --quiet "$base" >/dev/null 2>&1; then
	say "pulled $base"
else
	command -v mmdebstrap >/dev/null || die "no registry answers; to make $base here: apt-get install mmdebstrap"
	say "no registry answers: making $base of Debian's packages"
	make_base
	say "made $base"
fi
