// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {CoreAddresses} from "../src/interfaces/ICore.sol";
import {Deployment, Plan} from "./Deployment.sol";
import {TokenCheck} from "./TokenCheck.sol";
import {vm} from "./Vm.sol";

/// @title Deploys the core contracts, and writes their addresses to a JSON file.
/// @notice Environment:
/// KALYPSO_DEPLOYER_KEY  private key that deploys; it holds no role afterwards unless one of these is its address
/// KALYPSO_OUT           JSON file to write
/// KALYPSO_DEVELOPMENT   a development chain: test tokens, no timelock, no delays. Default: chain id 31337
/// KALYPSO_ADMIN         proposes to the timelock that upgrades and gives roles; default the deployer, development only
/// KALYPSO_GOVERNOR, KALYPSO_GUARDIAN, KALYPSO_TREASURY   default KALYPSO_ADMIN
/// KALYPSO_PAYMENT_TOKEN, KALYPSO_STAKE_TOKEN             default test tokens, development only
/// KALYPSO_TIMELOCK_DELAY    seconds, default 2 days
/// KALYPSO_ACTIVATION_DELAY  seconds from a market's making to its first request, default 1 day; development 0
/// KALYPSO_TOKENS_CHECKED    default false; true: somebody checked the tokens by hand, don't try them out
/// KALYPSO_CHECKS_BRANCH     default true; false where BLOCKHASH isn't the chain's own
contract Deploy is Deployment, TokenCheck {
    /// @dev To be called by build.sh, which wants the script compiled and not run.
    bool public constant IS_SCRIPT = true;

    bool private _development;

    function run() external {
        uint256 key = vm.envUint("KALYPSO_DEPLOYER_KEY");
        address deployer = vm.addr(key);
        uint256 startBlock = block.number;
        _development = vm.envOr("KALYPSO_DEVELOPMENT", block.chainid == 31337);

        vm.startBroadcast(key);
        Plan memory p = _plan(deployer);
        CoreAddresses memory a = deployCore(deployer, p);
        vm.stopBroadcast();
        // Before anything is sent: forge sends only after the whole script has run.
        if (!vm.envOr("KALYPSO_TOKENS_CHECKED", false)) {
            checkToken(p.paymentToken);
            checkToken(p.stakeToken);
        }
        _write(a, startBlock);
    }

    function _plan(address deployer) private returns (Plan memory p) {
        if (_development) {
            p.admin = vm.envOr("KALYPSO_ADMIN", deployer);
            p.paymentToken = vm.envOr("KALYPSO_PAYMENT_TOKEN", address(0));
            p.stakeToken = vm.envOr("KALYPSO_STAKE_TOKEN", address(0));
            if (p.paymentToken == address(0)) p.paymentToken = create("PaymentToken.sol:PaymentToken", "");
            if (p.stakeToken == address(0)) p.stakeToken = create("StakeToken.sol:StakeToken", "");
        } else {
            p.admin = vm.envAddress("KALYPSO_ADMIN");
            p.paymentToken = vm.envAddress("KALYPSO_PAYMENT_TOKEN");
            p.stakeToken = vm.envAddress("KALYPSO_STAKE_TOKEN");
        }
        p.governor = vm.envOr("KALYPSO_GOVERNOR", p.admin);
        p.guardian = vm.envOr("KALYPSO_GUARDIAN", p.admin);
        p.treasury = vm.envOr("KALYPSO_TREASURY", p.admin);
        p.activationDelay = vm.envOr("KALYPSO_ACTIVATION_DELAY", _development ? 0 : uint256(1 days));
        p.checksBranch = vm.envOr("KALYPSO_CHECKS_BRANCH", true);
        if (!_development) p.admin = _timelock(p.admin);
    }

    function _timelock(address proposer) private returns (address) {
        address[] memory proposers = new address[](1);
        proposers[0] = proposer;
        uint256 delay = vm.envOr("KALYPSO_TIMELOCK_DELAY", uint256(2 days));
        // No admin of its own: changes to the timelock pass through it. Whoever proposes also executes.
        return address(new TimelockController(delay, proposers, proposers, address(0)));
    }

    function _write(CoreAddresses memory a, uint256 startBlock) private {
        vm.serializeUint("out", "chainId", block.chainid);
        vm.serializeUint("out", "startBlock", startBlock);
        vm.serializeAddress("out", "ProofMarketplace", a.marketplace);
        vm.serializeAddress("out", "GeneratorRegistry", a.registry);
        vm.serializeAddress("out", "EntityKeyRegistry", a.keyRegistry);
        vm.serializeAddress("out", "PaymentToken", a.paymentToken);
        vm.writeJson(vm.serializeAddress("out", "StakeToken", a.stakeToken), vm.envString("KALYPSO_OUT"));
    }
}
