// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Core} from "./Core.sol";
import {KeyRegistryLater} from "./Later.sol";
import {CoreAddresses} from "./interfaces/ICore.sol";
import {IEntityKeyRegistry} from "./interfaces/IEntityKeyRegistry.sol";

/// @title Which keys speak for whom.
/// @dev See IEntityKeyRegistry, which is the manual.
contract EntityKeyRegistry is Core, KeyRegistryLater {
    /// @dev One slot, so that `isEngine` reads one.
    struct Key {
        uint64 from;
        uint64 until;
        bool revoked;
    }

    /// @dev A key that an owner has in a market.
    struct Registration {
        address key;
        bytes32 image;
    }

    mapping(address key => Key) private _keys;
    mapping(bytes32 image => bool) private _imageRevoked;
    mapping(address owner => mapping(uint256 marketId => Registration)) private _registrations;
    mapping(address signer => bytes) private _encryptionKeys;
    /// @dev Whom setEngineKey set, in order; one that was set twice is in it twice.
    address[] private _signers;

    constructor(CoreAddresses memory a) Core(a) {}

    /// @notice Sets the roles. Called once, by the proxy's constructor.
    function initialize(address admin, address governor, address guardian) external initializer {
        _initializeCore(admin, governor, guardian);
    }

    /// @inheritdoc IEntityKeyRegistry
    function setEngineKey(address signer, bytes calldata encryptionKey_, uint64 from, uint64 until) external {
        bool revokes = until <= block.timestamp;
        if (!revokes || !hasRole(GUARDIAN_ROLE, msg.sender)) _checkRole(GOVERNOR_ROLE);
        if (signer == address(0)) revert ZeroAddress();
        if (!_isPublicKey(encryptionKey_)) revert BadPublicKey();
        if (!revokes && from >= until) revert TimeOutOfRange();
        Key storage key = _keys[signer];
        if (!revokes && key.revoked) revert RevokedForEver();
        (key.from, key.until) = (from, until);
        _encryptionKeys[signer] = encryptionKey_;
        _signers.push(signer);
        emit EngineKeySet(signer, encryptionKey_, from, until);
    }

    /// @inheritdoc IEntityKeyRegistry
    function revokeKey(address key) external onlyGuardian {
        if (_keys[key].revoked) return;
        _keys[key].revoked = true;
        emit KeyRevoked(key);
    }

    /// @inheritdoc IEntityKeyRegistry
    function revokeImage(bytes32 image) external onlyGuardian {
        if (_imageRevoked[image]) return;
        _imageRevoked[image] = true;
        emit ImageRevoked(image);
    }

    /// @inheritdoc IEntityKeyRegistry
    function keyOf(address owner, uint256 marketId) external view returns (address key, bytes32 image, bool usable) {
        Registration storage r = _registrations[owner][marketId];
        (key, image) = (r.key, r.image);
        usable = key != address(0) && !_keys[key].revoked && !_imageRevoked[image];
    }

    /// @inheritdoc IEntityKeyRegistry
    function isEngine(address signer) public view returns (bool) {
        Key memory key = _keys[signer];
        return key.from <= block.timestamp && block.timestamp < key.until && !key.revoked;
    }

    /// @inheritdoc IEntityKeyRegistry
    function isKeyRevoked(address key) external view returns (bool) {
        return _keys[key].revoked;
    }

    /// @inheritdoc IEntityKeyRegistry
    function isImageRevoked(bytes32 image) external view returns (bool) {
        return _imageRevoked[image];
    }

    /// @inheritdoc IEntityKeyRegistry
    function encryptionKey() external view returns (bytes memory) {
        for (uint256 i = _signers.length; i > 0; i--) {
            address signer = _signers[i - 1];
            if (_encryptionKeys[signer].length != 0 && isEngine(signer)) return _encryptionKeys[signer];
        }
        return "";
    }

    /// @dev GOVERNOR_ROLE or GUARDIAN_ROLE.
    modifier onlyGuardian() {
        if (!hasRole(GUARDIAN_ROLE, msg.sender)) _checkRole(GOVERNOR_ROLE);
        _;
    }

    function _isPublicKey(bytes calldata key) private pure returns (bool) {
        if (key.length == 33) return key[0] == 0x02 || key[0] == 0x03;
        if (key.length == 65) return key[0] == 0x04;
        return key.length == 0;
    }
}
