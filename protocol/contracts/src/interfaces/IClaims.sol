// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Money that accounts may take out, in the one token that the contract holds.
interface IClaims {
    /// @notice `amount` was paid to `account` out of what it could claim.
    event Withdrawn(address indexed account, uint256 amount);

    /// @notice Pays `account` all that it can claim. Anyone may call.
    /// Errors: NothingDue.
    function withdraw(address account) external;

    /// @notice What the account can withdraw, in units of the contract's token.
    function claimable(address account) external view returns (uint256);
}
