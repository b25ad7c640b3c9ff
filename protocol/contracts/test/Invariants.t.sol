// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {History} from "./utils/History.sol";

/// @title What holds after every step of any history.
/// @notice The replica that each step feeds also fails when a request goes back or ends a second time.
contract InvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    History internal history;

    function setUp() public {
        history = new History();
        history.setUp();
    }

    /// @dev Tells forge what to call: nothing but `step`.
    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(history), new bytes4[](1));
        targets[0].selectors[0] = History.step.selector;
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(history);
    }

    function invariant_eachContractHoldsExactlyWhatItOwes() public view {
        history.checkMoney();
    }

    function invariant_locksAreTheSumOfTheTasks() public view {
        history.checkLocks();
    }

    function invariant_theLogsAreTheWholeState() public view {
        history.replica().compare();
    }
}
