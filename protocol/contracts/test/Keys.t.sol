// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {vm} from "../script/Vm.sol";
import {IEntityKeyRegistry} from "../src/interfaces/IEntityKeyRegistry.sol";
import {IKalypsoErrors} from "../src/interfaces/IKalypsoErrors.sol";
import {Base} from "./utils/Base.sol";

contract KeysTest is Base {
    address internal second = makeAddress("second engine");
    bytes internal key1 = bytes.concat(hex"04", new bytes(64));
    bytes internal key2 = bytes.concat(hex"02", new bytes(32));

    function setEngine(address signer, bytes memory key, uint256 from, uint256 until) internal {
        vm.prank(governor);
        keys.setEngineKey(signer, key, uint64(from), uint64(until));
    }

    function refused(bytes32 role, address who) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, who, role);
    }

    function test_anEngineKeyHasItsTime() public {
        vm.expectEmit(address(keys));
        emit IEntityKeyRegistry.EngineKeySet(second, key1, uint64(START + 10), uint64(START + 20));
        setEngine(second, key1, START + 10, START + 20);
        assertTrue(!keys.isEngine(second), "not yet");
        vm.warp(START + 10);
        assertTrue(keys.isEngine(second) && keys.isEngine(engine), "both");
        vm.warp(START + 19);
        assertTrue(keys.isEngine(second), "last second");
        vm.warp(START + 20);
        assertTrue(!keys.isEngine(second), "over");
        assertTrue(!keys.isEngine(stranger), "a stranger");
    }

    function test_anEngineKeyIsCheckedBeforeItIsSet() public {
        vm.startPrank(governor);
        vm.expectRevert(IKalypsoErrors.ZeroAddress.selector);
        keys.setEngineKey(address(0), "", 0, type(uint64).max);
        vm.expectRevert(IKalypsoErrors.TimeOutOfRange.selector);
        keys.setEngineKey(second, "", uint64(START + 10), uint64(START + 10));
        bytes[5] memory wrong = [
            bytes("x"),
            bytes.concat(hex"05", new bytes(32)),
            bytes.concat(hex"03", new bytes(64)),
            new bytes(64),
            bytes.concat(hex"04", new bytes(65))
        ];
        for (uint256 i = 0; i < wrong.length; i++) {
            vm.expectRevert(IKalypsoErrors.BadPublicKey.selector);
            keys.setEngineKey(second, wrong[i], 0, type(uint64).max);
        }
    }

    function test_theGovernorSetsAndTheGuardianOnlyRevokes() public {
        vm.expectRevert(refused(keccak256("GOVERNOR_ROLE"), guardian));
        vm.prank(guardian);
        keys.setEngineKey(second, "", 0, uint64(START + 1));
        vm.expectRevert(refused(keccak256("GOVERNOR_ROLE"), stranger));
        vm.prank(stranger);
        keys.setEngineKey(engine, "", 0, 0);
        vm.prank(guardian);
        keys.setEngineKey(engine, "", 0, uint64(START));
        assertTrue(!keys.isEngine(engine), "revoked");
        setEngine(engine, "", 0, START + 1);
        assertTrue(keys.isEngine(engine), "set again");
    }

    function test_aRevokedKeyNeverComesBack() public {
        vm.expectEmit(address(keys));
        emit IEntityKeyRegistry.KeyRevoked(engine);
        vm.prank(guardian);
        keys.revokeKey(engine);
        assertTrue(!keys.isEngine(engine) && keys.isKeyRevoked(engine), "revoked");
        vm.startPrank(governor);
        vm.expectRevert(IKalypsoErrors.RevokedForEver.selector);
        keys.setEngineKey(engine, "", 0, type(uint64).max);
        keys.setEngineKey(engine, "", 0, 0);
        vm.recordLogs();
        keys.revokeKey(engine);
        assertEq(vm.getRecordedLogs().length, 0, "once only");
        keys.revokeKey(second);
        vm.stopPrank();
        vm.expectRevert(refused(keccak256("GOVERNOR_ROLE"), stranger));
        vm.prank(stranger);
        keys.revokeKey(stranger);
    }

    function test_aRevokedImageNeverComesBack() public {
        vm.expectEmit(address(keys));
        emit IEntityKeyRegistry.ImageRevoked("image");
        vm.prank(guardian);
        keys.revokeImage("image");
        assertTrue(keys.isImageRevoked("image") && !keys.isImageRevoked("other"), "revoked");
        vm.startPrank(governor);
        vm.recordLogs();
        keys.revokeImage("image");
        assertEq(vm.getRecordedLogs().length, 0, "once only");
        keys.revokeImage("other");
        vm.stopPrank();
        vm.expectRevert(refused(keccak256("GOVERNOR_ROLE"), stranger));
        vm.prank(stranger);
        keys.revokeImage("third");
    }

    function test_theEncryptionKeyIsThatOfTheEngineSetLast() public {
        assertEq(keccak256(keys.encryptionKey()), keccak256(""), "none");
        setEngine(engine, key1, 0, type(uint64).max);
        assertEq(keccak256(keys.encryptionKey()), keccak256(key1), "first");
        setEngine(second, key2, START + 10, START + 20);
        assertEq(keccak256(keys.encryptionKey()), keccak256(key1), "second isn't valid yet");
        vm.warp(START + 10);
        assertEq(keccak256(keys.encryptionKey()), keccak256(key2), "second");
        setEngine(stranger, "", 0, type(uint64).max);
        assertEq(keccak256(keys.encryptionKey()), keccak256(key2), "a signer without a key doesn't count");
        setEngine(engine, key1, 0, type(uint64).max);
        assertEq(keccak256(keys.encryptionKey()), keccak256(key1), "set again");
        vm.prank(guardian);
        keys.revokeKey(engine);
        assertEq(keccak256(keys.encryptionKey()), keccak256(key2), "revoked");
        vm.warp(START + 20);
        assertEq(keccak256(keys.encryptionKey()), keccak256(""), "over");
    }

    function test_nobodyHasAnEnclaveKey() public view {
        (address key, bytes32 image, bool usable) = keys.keyOf(generator, marketId);
        assertEq(key, address(0), "key");
        assertEq(image, 0, "image");
        assertTrue(!usable, "usable");
    }
}
