// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IKalypsoErrors} from "./IKalypsoErrors.sol";

/// @title Which keys speak for whom: the engine's, and the enclaves' of generators and input verifiers.
/// @notice Keys of enclaves are registered by attestation. That part isn't here yet: `registerKey` and `removeKey`
/// revert with NotAvailable, and no owner has a key. Revocations made now bind later.
interface IEntityKeyRegistry is IKalypsoErrors {
    /// @notice `signer` signs for the engine in [from, until), unix seconds, and private inputs may be sealed to
    /// `encryptionKey` in that time. An `until` that isn't after the block's timestamp revokes the signer.
    event EngineKeySet(address indexed signer, bytes encryptionKey, uint64 from, uint64 until);
    /// @notice `key`, held by an enclave of `image`, speaks for `owner` in this market. `kind`: 0 prover, 1 input
    /// verifier.
    event KeyRegistered(
        address indexed owner, uint256 indexed marketId, address indexed key, bytes32 image, uint8 kind, bytes publicKey
    );
    /// @notice The key no longer speaks for `owner` in this market.
    event KeyRemoved(address indexed owner, uint256 indexed marketId, address indexed key);
    /// @notice The key is never valid again, for anything.
    event KeyRevoked(address indexed key);
    /// @notice The enclave image is never valid again, in any market.
    event ImageRevoked(bytes32 indexed image);

    /// @notice Sets, changes or ends the validity of an engine's signing key, and the key that requesters seal to.
    /// Several signers may be valid at once, so that one can take over from another.
    /// Caller: GOVERNOR_ROLE; GUARDIAN_ROLE may revoke (`until` not after the block's timestamp).
    /// @param signer Address of the engine's signing key.
    /// @param encryptionKey secp256k1 public key: empty, 33 bytes or 65 bytes. Empty: nothing can be sealed to it.
    /// @param from First second, unix, in which the key is valid.
    /// @param until First second, unix, in which it no longer is. Not after the block's timestamp: revoked.
    /// Errors: ZeroAddress, BadPublicKey, TimeOutOfRange (an empty time that isn't a revocation), RevokedForEver.
    function setEngineKey(address signer, bytes calldata encryptionKey, uint64 from, uint64 until) external;

    /// @notice Registers an enclave's key for the caller in a market. Reverts with NotAvailable.
    /// @param publicKey The enclave's secp256k1 public key.
    /// @param attestation Statement of the attestation verifier that the key belongs to an image.
    /// @param enclaveSignature EIP-712 `RegisterKey` by the enclave's key.
    function registerKey(
        uint256 marketId,
        bytes calldata publicKey,
        bytes calldata attestation,
        bytes calldata enclaveSignature
    ) external;

    /// @notice Removes the caller's key in a market. Reverts with NotAvailable.
    function removeKey(uint256 marketId) external;

    /// @notice Revokes a key for ever: an engine's signing key as well as an enclave's. Again: no effect, no event.
    /// Caller: GOVERNOR_ROLE or GUARDIAN_ROLE, at once.
    function revokeKey(address key) external;

    /// @notice Revokes an enclave image for ever. Again: no effect, no event.
    /// Caller: GOVERNOR_ROLE or GUARDIAN_ROLE, at once.
    function revokeImage(bytes32 image) external;

    /// @notice The key that speaks for `owner` in a market. `usable`: neither it nor its image was revoked or removed.
    /// (0, 0, false) where there is none.
    function keyOf(address owner, uint256 marketId) external view returns (address key, bytes32 image, bool usable);

    /// @notice Whether `signer` is an engine key that is valid in this block.
    function isEngine(address signer) external view returns (bool);

    /// @notice Whether the key was revoked for ever.
    function isKeyRevoked(address key) external view returns (bool);

    /// @notice Whether the image was revoked for ever.
    function isImageRevoked(bytes32 image) external view returns (bool);

    /// @notice The key that private inputs are sealed to now: that of the engine key set last among those that are
    /// valid in this block and have one. Empty when there is none.
    function encryptionKey() external view returns (bytes memory);
}
