// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {vm} from "../../script/Vm.sol";

/// @title Assertions that fail a test at once.
abstract contract Assert {
    function assertTrue(bool condition, string memory what) internal pure {
        vm.assertTrue(condition, what);
    }

    function assertEq(uint256 a, uint256 b, string memory what) internal pure {
        vm.assertEq(a, b, what);
    }

    function assertEq(address a, address b, string memory what) internal pure {
        vm.assertEq(a, b, what);
    }

    function assertLe(uint256 a, uint256 b, string memory what) internal pure {
        vm.assertLe(a, b, what);
    }

    function assertEq(bytes32 a, bytes32 b, string memory what) internal pure {
        vm.assertEq(a, b, what);
    }

    function assertReason(bytes4 a, bytes4 b) internal pure {
        vm.assertEq(bytes32(a), bytes32(b), "reason");
    }

    /// @dev `x` brought into [least, most].
    function bound(uint256 x, uint256 least, uint256 most) internal pure returns (uint256) {
        if (x >= least && x <= most) return x;
        uint256 size = most - least + 1;
        return size == 0 ? x : least + x % size;
    }
}
