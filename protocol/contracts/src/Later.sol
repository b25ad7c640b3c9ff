// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IEntityKeyRegistry} from "./interfaces/IEntityKeyRegistry.sol";
import {IProofMarketplace} from "./interfaces/IProofMarketplace.sol";

/// @title Calls of the marketplace that need confidential markets and attested keys.
/// @dev Part of the interface, so that clients needn't change when they come.
abstract contract MarketplaceLater is IProofMarketplace {
    /// @inheritdoc IProofMarketplace
    function setMarketImage(uint256 marketId, bytes32 image, uint8 kind, bool allowed) external {
        revert NotAvailable();
    }

    /// @inheritdoc IProofMarketplace
    function rejectRequests(uint256[] calldata requestIds, bytes calldata engineSignature) external {
        revert NotAvailable();
    }

    /// @inheritdoc IProofMarketplace
    function submitInvalidInputs(uint256 requestId, bytes calldata inputs, bytes calldata signature) external {
        revert NotAvailable();
    }
}

/// @title Calls of the key registry that need attestations.
abstract contract KeyRegistryLater is IEntityKeyRegistry {
    /// @inheritdoc IEntityKeyRegistry
    function registerKey(
        uint256 marketId,
        bytes calldata publicKey,
        bytes calldata attestation,
        bytes calldata enclaveSignature
    ) external {
        revert NotAvailable();
    }

    /// @inheritdoc IEntityKeyRegistry
    function removeKey(uint256 marketId) external {
        revert NotAvailable();
    }
}
