// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IClaims} from "./interfaces/IClaims.sol";
import {IKalypsoErrors} from "./interfaces/IKalypsoErrors.sol";

/// @title Pull payments in one token: what is owed is credited here, and leaves only by `withdraw`.
abstract contract Claims is IKalypsoErrors, IClaims, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @inheritdoc IClaims
    mapping(address account => uint256) public claimable;

    /// @inheritdoc IClaims
    function withdraw(address account) external nonReentrant {
        uint256 amount = claimable[account];
        if (amount == 0) revert NothingDue();
        claimable[account] = 0;
        emit Withdrawn(account, amount);
        _token().safeTransfer(account, amount);
    }

    /// @dev The one token that the contract holds.
    function _token() internal view virtual returns (IERC20);

    function _credit(address account, uint256 amount) internal {
        if (amount != 0) claimable[account] += amount;
    }
}
