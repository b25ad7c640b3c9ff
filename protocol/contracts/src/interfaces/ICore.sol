// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice The contracts that work together: addresses of the three proxies and of the two tokens.
struct CoreAddresses {
    address marketplace;
    address registry;
    address keyRegistry;
    address paymentToken;
    address stakeToken;
}

/// @title What each core contract says of itself: where the others are, and the roles that govern it.
/// @notice DEFAULT_ADMIN_ROLE (0) gives and takes roles and upgrades; OpenZeppelin's AccessControl keeps them.
interface ICore {
    /// @notice Sets settings and engine keys.
    function GOVERNOR_ROLE() external view returns (bytes32);
    /// @notice Pauses, and revokes keys and images. Can't grant anything.
    function GUARDIAN_ROLE() external view returns (bytes32);
    /// @notice The ProofMarketplace.
    function marketplace() external view returns (address);
    /// @notice The GeneratorRegistry.
    function registry() external view returns (address);
    /// @notice The EntityKeyRegistry.
    function keyRegistry() external view returns (address);
    /// @notice The ERC-20 that proofs are paid in, held by the marketplace.
    function paymentToken() external view returns (address);
    /// @notice The ERC-20 that generators stake, held by the registry.
    function stakeToken() external view returns (address);
}
