// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {vm} from "../script/Vm.sol";
import {CoreAddresses, ICore} from "../src/interfaces/ICore.sol";
import {IKalypsoErrors} from "../src/interfaces/IKalypsoErrors.sol";
import {RequestState} from "../src/interfaces/IProofMarketplace.sol";
import {Base} from "./utils/Base.sol";

/// @title Roles and upgrades.
contract GovernanceTest is Base {
    function core() internal view returns (address[3] memory) {
        return [address(market), address(registry), address(keys)];
    }

    function implementationOf(address proxy) internal view returns (address) {
        return address(uint160(uint256(vm.load(proxy, ERC1967Utils.IMPLEMENTATION_SLOT))));
    }

    function newImplementation(uint256 which, bool checksBranch) internal returns (address) {
        CoreAddresses memory a = CoreAddresses(
            address(market), address(registry), address(keys), address(paymentToken), address(stakeToken)
        );
        if (which == 0) return create("ProofMarketplace.sol:ProofMarketplace", abi.encode(a, checksBranch));
        if (which == 1) return create("GeneratorRegistry.sol:GeneratorRegistry", abi.encode(a));
        return create("EntityKeyRegistry.sol:EntityKeyRegistry", abi.encode(a));
    }

    function test_theCoreKnowsItself() public view {
        for (uint256 i = 0; i < 3; i++) {
            ICore c = ICore(core()[i]);
            assertEq(c.marketplace(), address(market), "marketplace");
            assertEq(c.registry(), address(registry), "registry");
            assertEq(c.keyRegistry(), address(keys), "keyRegistry");
            assertEq(c.paymentToken(), address(paymentToken), "paymentToken");
            assertEq(c.stakeToken(), address(stakeToken), "stakeToken");
            IAccessControl roles = IAccessControl(core()[i]);
            assertTrue(roles.hasRole(0, admin) && !roles.hasRole(0, address(this)), "admin");
            assertTrue(roles.hasRole(c.GOVERNOR_ROLE(), governor), "governor");
            assertTrue(roles.hasRole(c.GUARDIAN_ROLE(), guardian), "guardian");
        }
    }

    function test_onlyTheAdminUpgrades() public {
        for (uint256 i = 0; i < 3; i++) {
            address next = newImplementation(i, true);
            address[3] memory others = [governor, guardian, stranger];
            for (uint256 j = 0; j < 3; j++) {
                vm.expectRevert(
                    abi.encodeWithSelector(
                        IAccessControl.AccessControlUnauthorizedAccount.selector, others[j], bytes32(0)
                    )
                );
                vm.prank(others[j]);
                UUPSUpgradeable(core()[i]).upgradeToAndCall(next, "");
            }
            vm.prank(admin);
            UUPSUpgradeable(core()[i]).upgradeToAndCall(next, "");
            assertEq(implementationOf(core()[i]), next, "implementation");
        }
    }

    function test_anUpgradeKeepsTheState() public {
        uint256 open = createRequest();
        uint256 task = createTask();
        bytes32 before =
            keccak256(abi.encode(market.requestOf(open), market.requestOf(task), market.marketOf(marketId)));
        address next = newImplementation(0, false);
        vm.prank(admin);
        UUPSUpgradeable(address(market)).upgradeToAndCall(next, "");
        assertTrue(!market.checksBranch(), "upgraded");
        bytes32 then = keccak256(abi.encode(market.requestOf(open), market.requestOf(task), market.marketOf(marketId)));
        assertEq(then, before, "state");
        prove(task);
        assertTrue(market.requestOf(task).state == RequestState.Fulfilled, "goes on");
    }

    function test_withoutTheBranchCheckAnyBlockWillDo() public {
        address next = newImplementation(0, false);
        vm.prank(admin);
        UUPSUpgradeable(address(market)).upgradeToAndCall(next, "");
        vm.roll(block.number + 1000);
        vm.setBlockhash(block.number - 1, 0);
        createTask();
    }

    function test_anUpgradeIsToAnImplementation() public {
        vm.startPrank(admin);
        vm.expectRevert();
        UUPSUpgradeable(address(market)).upgradeToAndCall(address(paymentToken), "");
        vm.expectRevert();
        UUPSUpgradeable(address(market)).upgradeToAndCall(stranger, "");
    }

    function test_nothingIsInitialisedTwice() public {
        bytes[3] memory calls = [
            abi.encodeWithSignature(
                "initialize(address,address,address,address,uint256)", stranger, stranger, stranger, stranger, 0
            ),
            abi.encodeWithSignature(
                "initialize(address,address,address,address)", stranger, stranger, stranger, stranger
            ),
            abi.encodeWithSignature("initialize(address,address,address)", stranger, stranger, stranger)
        ];
        for (uint256 i = 0; i < 3; i++) {
            address[2] memory both = [core()[i], implementationOf(core()[i])];
            for (uint256 j = 0; j < 2; j++) {
                (bool done, bytes memory answer) = both[j].call(calls[i]);
                assertTrue(!done, "refused");
                assertReason(bytes4(answer), Initializable.InvalidInitialization.selector);
            }
        }
    }

    function test_noAddressIsMissing() public {
        for (uint256 i = 0; i < 5; i++) {
            address[5] memory a =
                [address(market), address(registry), address(keys), address(paymentToken), address(stakeToken)];
            a[i] = address(0);
            bytes memory code = vm.getCode("EntityKeyRegistry.sol:EntityKeyRegistry");
            vm.expectRevert(IKalypsoErrors.ZeroAddress.selector);
            this.createExternally(bytes.concat(code, abi.encode(a)));
        }
    }

    /// @dev Passes on what a constructor reverts with.
    function createExternally(bytes memory initcode) external returns (address deployed) {
        assembly {
            deployed := create(0, add(initcode, 0x20), mload(initcode))
            if iszero(deployed) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    function test_theAdminGivesAndTakesRoles() public {
        bytes32 role = keccak256("GOVERNOR_ROLE");
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, governor, bytes32(0))
        );
        vm.prank(governor);
        IAccessControl(address(market)).grantRole(role, stranger);
        vm.startPrank(admin);
        IAccessControl(address(market)).grantRole(role, stranger);
        IAccessControl(address(market)).revokeRole(role, governor);
        vm.stopPrank();
        vm.prank(stranger);
        market.setSetting("feePerByte", 1);
    }

    /// @notice As deployed everywhere but on a development chain: upgrades and roles pass through a timelock.
    function test_aTimelockDelaysUpgrades() public {
        address[] memory proposers = new address[](1);
        proposers[0] = stranger;
        TimelockController timelock = new TimelockController(2 days, proposers, proposers, address(0));
        vm.startPrank(admin);
        IAccessControl(address(market)).grantRole(0, address(timelock));
        IAccessControl(address(market)).revokeRole(0, admin);
        vm.stopPrank();

        address next = newImplementation(0, false);
        bytes memory call = abi.encodeCall(UUPSUpgradeable.upgradeToAndCall, (next, ""));
        vm.startPrank(stranger);
        timelock.schedule(address(market), 0, call, 0, 0, 2 days);
        vm.warp(block.timestamp + 2 days - 1);
        vm.expectRevert();
        timelock.execute(address(market), 0, call, 0, 0);
        vm.warp(block.timestamp + 1);
        timelock.execute(address(market), 0, call, 0, 0);
        assertEq(implementationOf(address(market)), next, "implementation");
    }
}
