// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControlUpgradeable} from "@openzeppelin/contracts-upgradeable/access/AccessControlUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";

import {CoreAddresses, ICore} from "./interfaces/ICore.sol";
import {IKalypsoErrors} from "./interfaces/IKalypsoErrors.sol";

/// @title What the core contracts share: where the others are, who governs, and who may upgrade.
/// @dev The addresses are part of the implementation's code, not of its storage: reading them costs nothing, and an
/// upgrade has to state them again.
abstract contract Core is IKalypsoErrors, ICore, UUPSUpgradeable, AccessControlUpgradeable {
    /// @inheritdoc ICore
    bytes32 public constant GOVERNOR_ROLE = keccak256("GOVERNOR_ROLE");
    /// @inheritdoc ICore
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");

    /// @inheritdoc ICore
    address public immutable marketplace;
    /// @inheritdoc ICore
    address public immutable registry;
    /// @inheritdoc ICore
    address public immutable keyRegistry;
    /// @inheritdoc ICore
    address public immutable paymentToken;
    /// @inheritdoc ICore
    address public immutable stakeToken;

    constructor(CoreAddresses memory a) {
        if (
            a.marketplace == address(0) || a.registry == address(0) || a.keyRegistry == address(0)
                || a.paymentToken == address(0) || a.stakeToken == address(0)
        ) revert ZeroAddress();
        marketplace = a.marketplace;
        registry = a.registry;
        keyRegistry = a.keyRegistry;
        paymentToken = a.paymentToken;
        stakeToken = a.stakeToken;
        _disableInitializers();
    }

    function _initializeCore(address admin, address governor, address guardian) internal onlyInitializing {
        if (admin == address(0)) revert ZeroAddress();
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(GOVERNOR_ROLE, governor);
        _grantRole(GUARDIAN_ROLE, guardian);
    }

    /// @dev Whether money sent there could never leave again.
    function _isOurs(address account) internal view returns (bool) {
        return account == marketplace || account == registry || account == keyRegistry || account == paymentToken
            || account == stakeToken;
    }

    function _authorizeUpgrade(address) internal view override onlyRole(DEFAULT_ADMIN_ROLE) {}
}
