#!/usr/bin/env bash
# Installs what building, the demo and the tests need: Debian packages, then npm packages. Safe to run again.
# usage: setup.sh [deploy]      deploy: also what the suite `deploy` and `make bench-deploy` run markets in
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
	# building
	gcc make python3 python3-yaml libczmq-dev libzmq3-dev libhiredis-dev libwebsockets-dev
	libcurl4-openssl-dev libjansson-dev libyajl-dev libmicrohttpd-dev libsqlite3-dev libsecp256k1-dev libssl-dev zlib1g-dev
	nettle-dev libsodium-dev uthash-dev
	# running
	redis-server redis-tools util-linux procps ca-certificates curl
	# testing
	libcmocka-dev libgmp-dev clang-14 libclang-rt-14-dev clang-format-14 shellcheck chromium strace sqlite3 git
	iproute2 openssl haproxy
)
# Not for a demo: nobody expects a container engine from that. One that is there stays.
if [ "${1:-}" = deploy ]; then
	packages+=(docker-compose haproxy mmdebstrap prometheus prometheus-alertmanager)
	command -v dockerd >/dev/null || packages+=(docker.io)
fi
npm_folders=(protocol/contracts deploy/local tests)

say() { echo "setup: $*"; }
die() {
	echo "setup: $*" >&2
	exit 1
}

# ---- Debian packages

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

install_packages() {
	local missing=() p sudo=()
	for p in "${packages[@]}"; do is_installed "$p" || missing+=("$p"); done
	command -v node >/dev/null || missing+=(nodejs)
	command -v npm >/dev/null || missing+=(npm)
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null || die "this isn't Debian; install by hand: ${missing[*]}"
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || die "not root, and no sudo; as root: apt-get install ${missing[*]}"
		sudo=(sudo)
	fi
	say "installing Debian packages: ${missing[*]}"
	"${sudo[@]}" apt-get update -qq
	# Redis and others would otherwise start servers of their own; we start ours.
	local policy=/usr/sbin/policy-rc.d made=''
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee $policy >/dev/null
		"${sudo[@]}" chmod +x $policy
		made=yes
	fi
	local status=0
	DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" \
		>build/apt.log 2>&1 || status=$?
	[ -z "$made" ] || "${sudo[@]}" rm -f $policy
	[ $status = 0 ] || { tail -n 20 build/apt.log >&2; die "apt-get failed: all of it is in build/apt.log"; }
}

# ---- npm packages

install_npm() {
	local folder=$1 stamp="build/npm-${1//\//-}.lock" log="build/npm-${1//\//-}.log"
	[ -f "$folder/package-lock.json" ] || return 0
	if [ -d "$folder/node_modules" ] && cmp -s "$folder/package-lock.json" "$stamp"; then return 0; fi
	say "installing npm packages of $folder"
	(cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund) >"$log" 2>&1 ||
		{ tail -n 20 "$log" >&2; die "npm ci failed in $folder: all of it is in $log"; }
	cp "$folder/package-lock.json" "$stamp"
}

mkdir -p build
# One at a time: make may want it twice at once.
exec 9>build/setup.lock
flock 9
install_packages
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ] || die "node $(node --version) is too old: 18 or newer is needed"
for folder in "${npm_folders[@]}"; do install_npm "$folder"; done
say "everything is there"
