#!/bin/sh
# Writes the Secrets of a market, one for each service with what it needs and no other, and the public keys of the bus.
# usage: secrets.sh FOLDER | kubectl apply --namespace=NAMESPACE -f -
#
# FOLDER has bus/ from `kalypso keys make`, redis/ from `kalypso redis users`, and keys/ with engine, relayer, slasher,
# password, webhook and webhook-token. For components/redis-sentinel redis/ has replica-password and sentinel-password, too.
set -eu
umask 077
folder=${1:?usage: secrets.sh FOLDER}
component=$(dirname "$0")/components/redis-sentinel

# secret NAME KEY=FILE...
secret() {
	name=$1
	shift
	for pair in "$@"; do
		[ -s "$folder/${pair#*=}" ] || { echo "secrets.sh: $folder/${pair#*=} is missing" >&2; exit 1; }
	done
	echo ---
	(
		cd "$folder"
		# shellcheck disable=SC2046 # no name has a space
		kubectl create secret generic "$name" --dry-run=client -o yaml $(printf -- '--from-file=%s ' "$@")
	)
}

service() {
	name=$1
	shift
	secret "$name" "redis-password=redis/$name.password" "bus-key=bus/$name.key" "$@"
}

service chain-indexer
service orderbook
service matcher
service task-publisher engine-key=keys/engine relayer-key=keys/relayer key-password=keys/password
service slasher-watcher slasher-key=keys/slasher key-password=keys/password
service webhook-gateway webhook-key=keys/webhook webhook-token=keys/webhook-token

if [ -e "$folder/redis/replica-password" ]; then
	# Users of the nodes themselves, beside those of the services.
	grep -v -e '^user replica ' -e '^user sentinel ' -e '^user probe ' "$folder/redis/users.acl" >"$folder/redis/users.acl.new"
	sed -n '/^user /p' "$component/users.acl" |
		sed "s/REPLICA-PASSWORD/$(cat "$folder/redis/replica-password")/; s/SENTINEL-PASSWORD/$(cat "$folder/redis/sentinel-password")/" \
			>>"$folder/redis/users.acl.new"
	mv "$folder/redis/users.acl.new" "$folder/redis/users.acl"
	secret redis users.acl=redis/users.acl replica-password=redis/replica-password sentinel-password=redis/sentinel-password
else
	secret redis users.acl=redis/users.acl
fi

echo ---
kubectl create configmap bus-allow --dry-run=client -o yaml --from-file="$folder/bus/public"
