// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Core} from "./Core.sol";
import {ISettings} from "./interfaces/ISettings.sol";

/// @title What checking a setting's value takes.
abstract contract Settings is Core, ISettings {
    function _requireRange(uint256 value, uint256 least, uint256 most) internal pure {
        if (value < least || value > most) revert SettingOutOfRange();
    }

    /// @dev A treasury's address, given as a number: not 0, and none of ours.
    function _asTreasury(uint256 value) internal view returns (address treasury) {
        _requireRange(value, 1, type(uint160).max);
        treasury = address(uint160(value));
        if (_isOurs(treasury)) revert SettingOutOfRange();
    }
}
