#!/bin/sh
# Gathers the runtime image: programs, the page, the libraries that they load, and what Debian says of these. In the root of
# the sources.
# usage: rootfs.sh PROGRAMS WEB ROOTFS OWNED     (in the build stage of the Dockerfile)
set -eu
programs=$1 web=$2 root=$3 owned=$4
epoch=1767225600 # the same times in every build

mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/usr/share/kalypso" "$root/etc/ssl/certs" \
	"$root/var/lib/dpkg/status.d" "$root/tmp" "$root/run"
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"
ln -s usr/bin "$root/bin"
chmod 1777 "$root/tmp"

for program in "$programs"/*; do
	strip --strip-unneeded -o "$root/usr/bin/${program##*/}" "$program"
done
cp -r "$web" "$root/usr/share/kalypso/web"

# Libraries under the names by which they are looked for, and the packages that they came from.
ldd "$programs"/* | grep -oE '/[^ ]+' | grep -v ':$' | sort -u >/tmp/libraries
while read -r library; do
	target=$root/$(realpath -s "$library")
	mkdir -p "$(dirname "$target")"
	cp -L "$library" "$target"
	dpkg -S "$library" 2>/dev/null || dpkg -S "/usr$library" 2>/dev/null || dpkg -S "$(readlink -f "$library")"
done </tmp/libraries | cut -d: -f1 | sort -u >/tmp/packages
echo ca-certificates >>/tmp/packages

# As scanners look for them in images without dpkg, a bill of materials, and a list for people.
mkdir -p "$root/usr/share/kalypso/sbom"
while read -r package; do
	dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/$package"
	mkdir -p "$root/usr/share/doc/$package"
	cp -L "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/"
	dpkg-query --show --showformat='${Package}\t${Version}\t${Architecture}\t${source:Package}\n' "$package"
done </tmp/packages >"$root/usr/share/kalypso/sbom/debian.tsv"
version=$(sed -n 's/^#define KALYPSO_VERSION "\(.*\)"/\1/p' common/version.h)
deploy/docker/sbom.py kalypso "$version" --debian "$root"/var/lib/dpkg/status.d/* >"$root/usr/share/kalypso/sbom/kalypso.cdx.json"

# Mozilla's certificates, not whatever the machine that builds trusts.
cat /usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
cp /etc/os-release /etc/debian_version "$root/etc/"
echo 'kalypso:x:10001:10001::/var/lib/kalypso:/usr/sbin/nologin' >"$root/etc/passwd"
echo 'kalypso:x:10001:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

# Folders that belong to the user; a new volume takes over owner and mode.
mkdir -p "$owned/var/lib/kalypso" "$owned/run/kalypso" "$owned/market" "$owned/secrets/redis"
for program in "$programs"/*; do mkdir "$owned/secrets/${program##*/}"; done # of `kalypso redis users --apart`
chmod 700 "$owned/var/lib/kalypso" "$owned/run/kalypso" "$owned/secrets" "$owned/secrets"/*

find "$root" "$owned" -exec touch --no-dereference --date="@$epoch" {} +
