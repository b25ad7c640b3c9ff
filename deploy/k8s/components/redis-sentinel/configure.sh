#!/bin/sh
# Says who is who, once; afterwards Redis and Sentinel write into these files themselves who leads.
set -eu
at=${DATA:-/data}
from=${CONFIG:-/etc/redis}
secrets=${SECRETS:-/run/secrets/redis}
domain=redis-node.$NAMESPACE.svc.cluster.local
me=$NODE.$domain
first=redis-node-0.$domain
umask 077
if [ ! -e "$at/redis.conf" ]; then
	cat "$from/redis.conf" >"$at/redis.new"
	{
		echo "replica-announce-ip $me"
		echo "masterauth $(cat "$secrets/replica-password")"
		[ "$me" = "$first" ] || echo "replicaof $first 6379"
	} >>"$at/redis.new"
	mv "$at/redis.new" "$at/redis.conf"
fi
if [ ! -e "$at/sentinel.conf" ]; then
	cat "$from/sentinel.conf" >"$at/sentinel.new"
	cat >>"$at/sentinel.new" <<-END
		sentinel announce-ip $me
		sentinel monitor kalypso $first 6379 2
		sentinel auth-user kalypso sentinel
		sentinel auth-pass kalypso $(cat "$secrets/sentinel-password")
		sentinel down-after-milliseconds kalypso 3000
		sentinel failover-timeout kalypso 15000
		sentinel parallel-syncs kalypso 1
	END
	mv "$at/sentinel.new" "$at/sentinel.conf"
fi
