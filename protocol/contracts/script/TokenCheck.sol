// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {vm} from "./Vm.sol";

/// @title Tries a token out, on a simulated state: what is sent has to arrive, and balances have to stay.
/// @dev Finds the storage slot of a balance by watching what `balanceOf` reads. Says nothing of tokens that call their
/// receiver back: that depends on the receiver.
abstract contract TokenCheck {
    uint256 private constant AMOUNT = 1e12;

    function checkToken(address token) internal {
        uint256 state = vm.snapshotState();
        address from = vm.addr(uint256(keccak256("token check: from")));
        address to = vm.addr(uint256(keccak256("token check: to")));
        address spender = vm.addr(uint256(keccak256("token check: spender")));
        _give(token, from, 3 * AMOUNT);

        vm.prank(from);
        (bool done,) = token.call(abi.encodeCall(IERC20.transfer, (to, AMOUNT)));
        require(done && _balances(token, from, to, 2 * AMOUNT, AMOUNT), "token takes a fee on transfer");
        vm.prank(from);
        (done,) = token.call(abi.encodeCall(IERC20.approve, (spender, AMOUNT)));
        require(done, "token refuses an approval");
        vm.prank(spender);
        (done,) = token.call(abi.encodeCall(IERC20.transferFrom, (from, to, AMOUNT)));
        require(done && _balances(token, from, to, AMOUNT, 2 * AMOUNT), "token takes a fee on transferFrom");
        vm.warp(block.timestamp + 30 days);
        require(_balances(token, from, to, AMOUNT, 2 * AMOUNT), "token rebases: balances change with time");
        vm.revertToState(state);
    }

    function _balances(address token, address from, address to, uint256 left, uint256 arrived)
        private
        view
        returns (bool)
    {
        return IERC20(token).balanceOf(from) == left && IERC20(token).balanceOf(to) == arrived;
    }

    function _give(address token, address account, uint256 amount) private {
        vm.record();
        IERC20(token).balanceOf(account);
        (bytes32[] memory slots,) = vm.accesses(token);
        for (uint256 i = 0; i < slots.length; i++) {
            bytes32 before = vm.load(token, slots[i]);
            vm.store(token, slots[i], bytes32(amount));
            try IERC20(token).balanceOf(account) returns (uint256 balance) {
                if (balance == amount) return;
            } catch {}
            vm.store(token, slots[i], before);
        }
        revert("no slot holds the token's balance: check it by hand, then set KALYPSO_TOKENS_CHECKED=true");
    }
}
