// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token that keeps a hundredth of each transfer.
contract FeeToken is ERC20("Fee", "FEE") {
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(0), value / 100);
    }
}

/// @title A token whose balances grow with time.
contract RebasingToken is ERC20("Rebase", "REB") {
    uint256 private immutable _start = block.timestamp;

    function balanceOf(address account) public view override returns (uint256) {
        uint256 balance = super.balanceOf(account);
        return balance + balance * (block.timestamp - _start) / 365 days;
    }
}

/// @title A token that calls back, as none that we support does: once, with a call that a test chose.
contract CallbackToken is ERC20("Callback", "BACK") {
    address private _target;
    bytes private _call;

    /// @notice What the last call back answered.
    bool public done;
    bytes public answer;

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function callBack(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        address target = _target;
        if (target == address(0)) return;
        _target = address(0);
        (done, answer) = target.call(_call);
    }
}
