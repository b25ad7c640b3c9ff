// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {vm} from "../script/Vm.sol";
import {Assignment, RequestState} from "../src/interfaces/IProofMarketplace.sol";
import {History} from "./utils/History.sol";

/// @title A batch settles exactly the items that would settle alone, in order, and for the same reasons.
contract BatchesTest is History {
    /// @dev A random state, with tasks that are late and tasks that aren't.
    function live(uint256 seed) internal {
        for (uint256 i = 0; i < 30; i++) {
            this.step(uint256(keccak256(abi.encode(seed, i))));
        }
    }

    /// @dev Of everything that can be seen.
    function digestOfState() internal view returns (bytes32 digest_) {
        for (uint256 id = market.requestCount(); id > 0; id--) {
            digest_ = keccak256(abi.encode(digest_, market.requestOf(id)));
        }
        for (uint256 i = 0; i < 8; i++) {
            address[3] memory others = [generator, rewardAddress, treasury];
            address who = i < 5 ? vm.addr(key(i)) : others[i - 5];
            digest_ = keccak256(abi.encode(digest_, market.claimable(who), registry.claimable(who)));
            digest_ = keccak256(abi.encode(digest_, generatorDigest(who)));
        }
    }

    function generatorDigest(address who) internal view returns (bytes32) {
        (, uint256 stake, uint256 locked, uint256 unstaking, uint64 compute, uint64 used) = registry.generatorOf(who);
        bytes32 d = keccak256(abi.encode(stake, locked, unstaking, compute, used));
        for (uint256 id = market.marketCount(); id > 0; id--) {
            (,,, uint32 tasks,) = registry.quoteOf(who, id);
            d = keccak256(abi.encode(d, tasks));
        }
        return d;
    }

    /// @dev 0, or the selector that the call reverted with.
    function alone(address by, bytes memory call) internal returns (bytes4 reason) {
        vm.prank(by);
        (bool done, bytes memory answer) = address(market).call(call);
        return done ? bytes4(0) : bytes4(answer);
    }

    /// forge-config: default.fuzz.runs = 96
    function testFuzz_assignments(uint256 seed) public {
        live(seed);
        Assignment[] memory a = someAssignments();
        uint256 state = vm.snapshotState();
        bytes4[] memory reasons = assign(a);
        bytes32 together = digestOfState();
        vm.revertToState(state);
        for (uint256 i = 0; i < a.length; i++) {
            assertReason(assign(a[i]), reasons[i]);
        }
        assertEq(digestOfState(), together, "state");
    }

    /// forge-config: default.fuzz.runs = 96
    function testFuzz_proofs(uint256 seed) public {
        live(seed);
        (uint256[] memory ids, bytes[] memory ins, bytes[] memory proofs) = someProofs();
        uint256 state = vm.snapshotState();
        bytes4[] memory reasons = market.submitProofs(ids, ins, proofs);
        bytes32 together = digestOfState();
        vm.revertToState(state);
        for (uint256 i = 0; i < ids.length; i++) {
            bytes memory call = abi.encodeCall(market.submitProof, (ids[i], ins[i], proofs[i]));
            assertReason(alone(address(this), call), reasons[i]);
        }
        assertEq(digestOfState(), together, "state");
    }

    /// forge-config: default.fuzz.runs = 96
    function testFuzz_slashes(uint256 seed) public {
        live(seed);
        vm.warp(block.timestamp + seed % 100);
        compare(market.slashMany.selector, market.slash.selector, someIds(RequestState.Assigned));
    }

    /// forge-config: default.fuzz.runs = 96
    function testFuzz_cancels(uint256 seed) public {
        live(seed);
        compare(market.cancelRequests.selector, market.cancelRequest.selector, someIds(RequestState.Open));
    }

    function compare(bytes4 many, bytes4 one, uint256[] memory ids) internal {
        address by = vm.addr(key(0));
        uint256 state = vm.snapshotState();
        vm.prank(by);
        (, bytes memory answer) = address(market).call(abi.encodeWithSelector(many, ids));
        bytes4[] memory reasons = abi.decode(answer, (bytes4[]));
        bytes32 together = digestOfState();
        vm.revertToState(state);
        for (uint256 i = 0; i < ids.length; i++) {
            assertReason(alone(by, abi.encodeWithSelector(one, ids[i])), reasons[i]);
        }
        assertEq(digestOfState(), together, "state");
    }
}
