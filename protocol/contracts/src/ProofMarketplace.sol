// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Core} from "./Core.sol";
import {CoreAddresses} from "./interfaces/ICore.sol";
import {Tasks} from "./marketplace/Tasks.sol";

/// @title The market: requests, their escrow, tasks, proofs and penalties.
/// @dev See IProofMarketplace, which is the manual. Its parts are in marketplace/, each building on the one before:
/// MarketState (storage), Markets, Requests, Tasks.
contract ProofMarketplace is Tasks {
    constructor(CoreAddresses memory a, bool checksBranch) Core(a) EIP712("Kalypso", "1") Tasks(checksBranch) {}

    /// @notice Sets roles and settings. Called once, by the proxy's constructor.
    /// @param treasury Where fees are credited.
    /// @param activationDelay Seconds from a market's making to its first request.
    function initialize(address admin, address governor, address guardian, address treasury, uint256 activationDelay)
        external
        initializer
    {
        _initializeCore(admin, governor, guardian);
        _set("treasury", uint160(treasury));
        _set("activationDelay", activationDelay);
        _set("imageDelay", 2 days);
        _set("maxTime", 1 days);
        _set("verifierGas", 2_000_000);
        _set("feePerByte", 0);
        _set("creationFee", 0);
    }
}
