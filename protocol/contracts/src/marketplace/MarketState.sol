// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Claims} from "../Claims.sol";
import {MarketplaceLater} from "../Later.sol";
import {Settings} from "../Settings.sol";
import {Protocol, RequestState} from "../interfaces/IProofMarketplace.sol";

/// @title The marketplace's storage, and the little that all of its parts need.
/// @dev Fields lie as the calls need them: what one call reads or writes together shares a slot.
abstract contract MarketState is MarketplaceLater, Settings, Claims, EIP712 {
    struct Market {
        // read by every call
        address verifier;
        uint40 activeFrom;
        uint16 maxInputBytes;
        Protocol protocol;
        bool closed;
        bool confidential;
        bool disputable;
        // read when a task begins or ends
        uint128 penalty;
        uint32 auctionWindow;
        address owner;
    }

    struct Request {
        bytes32 inputsHash;
        // ---
        address requester;
        uint40 time; // expiry, then deadline
        uint32 marketId;
        RequestState state;
        bool refundsElsewhere; // to _refundTo[id], not to the requester
        // ---
        uint128 maxPrice;
        uint128 limit; // maxResponseTime, then the task's price
        // --- written when it becomes a task
        address generator;
        uint64 compute;
        uint16 pool;
        uint16 verifierKilogas; // the setting verifierGas, in thousands, as it was then
    }

    /// @dev What createRequest needs beside its market.
    struct Counters {
        uint64 requests;
        uint32 markets;
        uint32 maxTime;
        uint32 verifierGas;
        uint64 feePerByte;
        bool paused;
    }

    struct Config {
        address treasury;
        uint96 creationFee;
        uint32 activationDelay;
        uint32 imageDelay;
    }

    Counters internal _counters;
    Config internal _config;
    mapping(uint256 marketId => Market) internal _markets;
    mapping(uint256 requestId => Request) internal _requests;
    mapping(uint256 requestId => address) internal _refundTo;
    /// @dev One bit per nonce, and per batch number.
    mapping(address account => mapping(uint256 word => uint256 bits)) internal _nonces;
    mapping(uint256 word => uint256 bits) internal _batches;

    function _token() internal view override returns (IERC20) {
        return IERC20(paymentToken);
    }

    function _refundAddress(uint256 requestId, Request storage q) internal view returns (address) {
        return q.refundsElsewhere ? _refundTo[requestId] : q.requester;
    }

    /// @dev Asks a verifier, which is a stranger: it can't change anything, use more gas than `limit`, or make us copy
    /// what it returns. A no that may come from too little gas is not taken for an answer, so a relayer that sends too
    /// little can't have an item skipped.
    function _verifierSaysYes(address verifier, uint256 limit, bytes memory question) internal view returns (bool yes) {
        uint256 available = gasleft();
        assembly ("memory-safe") {
            let answered := staticcall(limit, verifier, add(question, 0x20), mload(question), 0, 0x20)
            yes := and(and(answered, gt(returndatasize(), 0x1f)), eq(mload(0), 1))
        }
        // EIP-150 keeps back a 64th; 3000 covers the call itself, to an address not touched before (2600).
        if (!yes && available < limit + limit / 63 + 3000) revert GasTooLow();
    }
}
