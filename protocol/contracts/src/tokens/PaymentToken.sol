// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A dollar to play with, for development chains: 6 decimals like the stablecoins that stand in its place
/// elsewhere. Anyone may mint.
contract PaymentToken is ERC20("Kalypso test dollar", "KUSD") {
    /// @notice Makes `amount` units for `account`. Anyone may call.
    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    /// @inheritdoc ERC20
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
