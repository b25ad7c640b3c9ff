// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A stake to play with, for development chains: 18 decimals. Anyone may mint.
contract StakeToken is ERC20("Kalypso test stake", "KSTAKE") {
    /// @notice Makes `amount` units for `account`. Anyone may call.
    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }
}
