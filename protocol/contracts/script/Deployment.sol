// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

// What `kalypso deploy` puts in front of the contracts elsewhere than in development: to be compiled with the rest.
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";

import {CoreAddresses} from "../src/interfaces/ICore.sol";
import {vm} from "./Vm.sol";

/// @notice What the core contracts are deployed with.
/// @param admin Gives roles, upgrades: a timelock, everywhere but on a development chain.
/// @param governor Sets settings and engine keys.
/// @param guardian Pauses, revokes keys.
/// @param treasury Where fees, and the treasury's part of penalties, are credited.
/// @param activationDelay Seconds from a market's making to its first request.
/// @param checksBranch Whether assignments must name a block of this chain; off where BLOCKHASH isn't the chain's own.
struct Plan {
    address admin;
    address governor;
    address guardian;
    address treasury;
    address paymentToken;
    address stakeToken;
    uint256 activationDelay;
    bool checksBranch;
}

/// @title Deploys the core contracts behind their proxies, for tests; as services/kalypso/deploy_plan.c does it.
/// @dev Works on artifacts, so that what imports this isn't compiled together with the contracts.
abstract contract Deployment {
    /// @param deployer Whoever creates: its next six nonces decide the addresses, which the contracts need to know of
    /// each other beforehand.
    function deployCore(address deployer, Plan memory p) internal returns (CoreAddresses memory a) {
        uint256 nonce = vm.getNonce(deployer);
        a = CoreAddresses({
            marketplace: vm.computeCreateAddress(deployer, nonce + 3),
            registry: vm.computeCreateAddress(deployer, nonce + 4),
            keyRegistry: vm.computeCreateAddress(deployer, nonce + 5),
            paymentToken: p.paymentToken,
            stakeToken: p.stakeToken
        });
        address marketplace = create("ProofMarketplace.sol:ProofMarketplace", abi.encode(a, p.checksBranch));
        address registry = create("GeneratorRegistry.sol:GeneratorRegistry", abi.encode(a));
        address keyRegistry = create("EntityKeyRegistry.sol:EntityKeyRegistry", abi.encode(a));
        // Initialised by the proxies' constructors: nobody can come between.
        bytes memory call = abi.encodeWithSignature(
            "initialize(address,address,address,address,uint256)",
            p.admin,
            p.governor,
            p.guardian,
            p.treasury,
            p.activationDelay
        );
        require(address(new ERC1967Proxy(marketplace, call)) == a.marketplace, "another address than computed");
        call = abi.encodeWithSignature(
            "initialize(address,address,address,address)", p.admin, p.governor, p.guardian, p.treasury
        );
        require(address(new ERC1967Proxy(registry, call)) == a.registry, "another address than computed");
        call = abi.encodeWithSignature("initialize(address,address,address)", p.admin, p.governor, p.guardian);
        require(address(new ERC1967Proxy(keyRegistry, call)) == a.keyRegistry, "another address than computed");
    }

    /// @notice Creates a contract from its artifact ("File.sol:Name") and the ABI-encoded arguments.
    function create(string memory artifact, bytes memory arguments) internal returns (address) {
        return createCode(bytes.concat(vm.getCode(artifact), arguments));
    }

    /// @notice Creates a contract from its initcode.
    function createCode(bytes memory initcode) internal returns (address deployed) {
        assembly ("memory-safe") {
            deployed := create(0, add(initcode, 0x20), mload(initcode))
        }
        require(deployed != address(0), "contract creation failed");
    }
}
