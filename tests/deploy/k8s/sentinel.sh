#!/usr/bin/env bash
# components/redis-sentinel with its own files, in a network and file systems of its own: the master is killed, and comes
# back. Says what happened, line by line, for sentinel.test.mjs.
# usage: unshare --net --mount --pid --fork --mount-proc sentinel.sh COMPONENT FOLDER
set -euo pipefail
component=$1
cd "$2"
names=(redis-node-0 redis-node-1 redis-node-2)
address() { echo "127.0.1.1$1"; }

ip link set lo up
cp /etc/hosts hosts
for i in 0 1 2; do echo "$(address $i) ${names[i]}.redis-node.test.svc.cluster.local" >>hosts; done
mount --bind hosts /etc/hosts

mkdir secrets
echo -n replica-secret >secrets/replica-password
echo -n sentinel-secret >secrets/sentinel-password
{
	echo 'user default off ~* &* +@all' # as `kalypso redis users` writes it
	echo 'user matcher on >matcher-secret ~* &* +@all'
	# The users that docs/kubernetes.md has besides those of services.
	sed -n '/^user /p' "$component/users.acl" | sed 's/REPLICA-PASSWORD/replica-secret/; s/SENTINEL-PASSWORD/sentinel-secret/'
} >secrets/users.acl

start_redis() { redis-server "$1/redis.conf" >>"$1/redis.log" 2>&1 & echo $! >"$1/pid"; }

for i in 0 1 2; do
	mkdir $i
	DATA=$i CONFIG=$component SECRETS=secrets NAMESPACE=test NODE=${names[i]} sh "$component/configure.sh"
	# Here all of them share a machine.
	sed -i "s#^dir /data#dir $PWD/$i#; s#/run/secrets/redis#$PWD/secrets#; 1i bind $(address $i)" $i/redis.conf $i/sentinel.conf
	start_redis $i
	redis-server $i/sentinel.conf --sentinel >$i/sentinel.log 2>&1 &
done
# No DNS: names are looked up once.
sed 's/ resolvers cluster//' "$component/haproxy.cfg" >haproxy.cfg
BIND=127.0.0.1 NAMESPACE=test haproxy -W -db -f haproxy.cfg >haproxy.log 2>&1 &

ask() { timeout 5 redis-cli -h 127.0.0.1 --user matcher --pass matcher-secret --no-auth-warning "$@" 2>&1 || true; }
role() { redis-cli -h "$(address "$1")" --user probe --pass x --no-auth-warning role 2>/dev/null | head -n 1 || true; }
until_true() { # WHAT COMMAND...
	local what=$1 end=$((SECONDS + 60))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "never: $what"; tail -n 20 haproxy.log ./*/sentinel.log; exit 1; }
		sleep 0.1
	done
}
is_written() { [ "$(ask set "$1" "$2")" = OK ]; }
know_each_other() {
	local i
	for i in 0 1 2; do
		[ "$(redis-cli -h "$(address $i)" -p 26379 sentinel master kalypso 2>/dev/null | grep -A1 -E '^num-(slaves|other-sentinels)$' | grep -c '^2$')" = 2 ] || return 1
	done
}
is_replica() { [ "$(role 0)" = slave ]; }

until_true "a first write" is_written before 1
until_true "three that know each other" know_each_other
echo "first $(role 0)"

kill -9 "$(cat 0/pid)"
began=$(date +%s%N)
until_true "a write after the master's death" is_written after 1
echo "away_ms $((($(date +%s%N) - began) / 1000000))"
echo "kept $(ask get before)"

# The one that died thinks that it leads, until it is told; nobody may be led to it meanwhile.
start_redis 0
wrong=0 turns=0
until is_replica; do
	[ "$(ask get after)" = 1 ] && is_written turn $turns || wrong=$((wrong + 1))
	turns=$((turns + 1))
	[ $turns -lt 600 ] || { echo "never: the old master follows"; exit 1; }
	sleep 0.1
done
echo "wrong $wrong"
echo "last $(ask get after)"
