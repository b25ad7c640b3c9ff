#!/usr/bin/env bash
# Deploys the core contracts: deploy.sh --rpc URL --out FILE [--key-env NAME]
#
# NAME is the environment variable that holds the deployer's key; without it KALYPSO_DEPLOYER_KEY, and on a
# development chain (31337) anvil's first account. Everything else comes from the environment: see
# script/Deploy.s.sol. FILE appears when all is on the chain.
. "$(dirname "$0")/tools/env.sh"
"$contracts/build.sh"
deployment_options -- "$@"
broadcast script/Deploy.s.sol
echo "contracts: deployed to chain $(member "$out" chainId), addresses in $out"
