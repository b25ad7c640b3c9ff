// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Numbers that governance may change, each by name and within a range.
/// @notice Names are short ASCII strings, left-aligned in a bytes32: `bytes32("maxTime")`. An address is given as its
/// number. docs/contracts.md lists names, units, defaults and ranges.
interface ISettings {
    /// @notice The setting has this value from here on. Emitted at deployment too, for every setting.
    event SettingSet(bytes32 indexed name, uint256 value);

    /// @notice Changes a setting, at once. Caller: GOVERNOR_ROLE.
    /// Errors: SettingUnknown, SettingOutOfRange.
    function setSetting(bytes32 name, uint256 value) external;

    /// @notice The setting's value. Errors: SettingUnknown.
    function setting(bytes32 name) external view returns (uint256 value);
}
