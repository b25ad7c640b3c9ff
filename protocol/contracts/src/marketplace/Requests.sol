// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IProofMarketplace, RequestParams, RequestState, RequestView} from "../interfaces/IProofMarketplace.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {Markets} from "./Markets.sol";
import {Signing} from "./Signing.sol";

/// @title Requests until they are assigned: making and cancelling them.
abstract contract Requests is Markets {
    using SafeERC20 for IERC20;

    uint256 private constant MAX_EXPIRY = 30 days;
    uint256 private constant MAX_PRIVATE_INPUT_BYTES = 64 * 1024;
    uint256 private constant MAX_ACL_BYTES = 256;

    /// @inheritdoc IProofMarketplace
    function createRequest(
        RequestParams calldata r,
        bytes calldata inputs,
        bytes calldata privateInputs,
        bytes calldata acl
    ) external whenNotPaused nonReentrant returns (uint256 requestId) {
        requestId = ++_counters.requests;
        _collect(_create(requestId, msg.sender, r, inputs, privateInputs, acl));
    }

    /// @inheritdoc IProofMarketplace
    function createRequests(
        RequestParams[] calldata r,
        bytes[] calldata inputs,
        bytes[] calldata privateInputs,
        bytes[] calldata acls
    ) external whenNotPaused nonReentrant returns (uint256 firstId) {
        uint256 count = r.length;
        if (inputs.length != count || privateInputs.length != count || acls.length != count) revert LengthMismatch();
        firstId = uint256(_counters.requests) + 1;
        _counters.requests += uint64(count);
        uint256 total = 0;
        for (uint256 i = 0; i < count; i++) {
            total += _create(firstId + i, msg.sender, r[i], inputs[i], privateInputs[i], acls[i]);
        }
        _collect(total);
    }

    /// @inheritdoc IProofMarketplace
    function createRequestFor(
        address requester,
        RequestParams calldata r,
        bytes calldata inputs,
        bytes calldata privateInputs,
        bytes calldata acl,
        uint256 nonce,
        bytes calldata signature
    ) external whenNotPaused nonReentrant returns (uint256 requestId) {
        _spendNonce(requester, nonce);
        bytes32 signed = Signing.hashCreateRequest(requester, r, inputs, privateInputs, acl, nonce);
        _requireSigned(requester, signed, signature);
        requestId = ++_counters.requests;
        _collect(_create(requestId, requester, r, inputs, privateInputs, acl));
    }

    /// @inheritdoc IProofMarketplace
    function cancelRequest(uint256 requestId) external {
        _revertWith(_cancel(requestId, msg.sender));
    }

    /// @inheritdoc IProofMarketplace
    function cancelRequests(uint256[] calldata requestIds) external returns (bytes4[] memory reasons) {
        reasons = new bytes4[](requestIds.length);
        for (uint256 i = 0; i < requestIds.length; i++) {
            bytes4 reason = _cancel(requestIds[i], msg.sender);
            if (reason == 0) continue;
            reasons[i] = reason;
            emit CancelSkipped(requestIds[i], reason);
        }
    }

    /// @inheritdoc IProofMarketplace
    function cancelRequestFor(uint256 requestId, bytes calldata signature) external {
        Request storage q = _requests[requestId];
        address requester = q.requester;
        if (q.state == RequestState.Open) {
            _requireSigned(requester, Signing.hashCancelRequest(requestId, q.inputsHash), signature);
        }
        _revertWith(_cancel(requestId, requester));
    }

    /// @inheritdoc IProofMarketplace
    function useNonce(uint256 nonce) external {
        _spendNonce(msg.sender, nonce);
    }

    /// @inheritdoc IProofMarketplace
    function requestOf(uint256 requestId) external view returns (RequestView memory v) {
        Request storage q = _requests[requestId];
        v.state = q.state;
        v.marketId = q.marketId;
        v.requester = q.requester;
        v.refundTo = _refundAddress(requestId, q);
        v.generator = q.generator;
        v.maxPrice = q.maxPrice;
        if (q.generator == address(0)) {
            v.expiry = q.time;
        } else {
            (v.price, v.deadline) = (q.limit, q.time);
        }
        v.compute = q.compute;
        v.pool = q.pool;
        v.inputsHash = q.inputsHash;
    }

    /// @inheritdoc IProofMarketplace
    function requestCount() external view returns (uint256) {
        return _counters.requests;
    }

    /// @inheritdoc IProofMarketplace
    function nonceUsed(address account, uint256 nonce) external view returns (bool) {
        return _nonces[account][nonce >> 8] >> (nonce & 0xff) & 1 != 0;
    }

    /// @dev Checks and stores a request that msg.sender pays for. Returns what that is.
    function _create(
        uint256 requestId,
        address requester,
        RequestParams calldata r,
        bytes calldata inputs,
        bytes calldata privateInputs,
        bytes calldata acl
    ) private returns (uint256 due) {
        _check(r, inputs, privateInputs, acl);
        uint256 fee = uint256(_counters.feePerByte) * (inputs.length + privateInputs.length + acl.length);
        if (fee != 0) _credit(_config.treasury, fee);
        _store(requestId, requester, r, keccak256(inputs));
        emit RequestCreated(requestId, r.marketId, requester, msg.sender, fee, r, inputs, privateInputs, acl);
        return r.maxPrice + fee;
    }

    function _store(uint256 requestId, address requester, RequestParams calldata r, bytes32 inputsHash) private {
        // Read first, so that each slot is written once.
        (uint40 expiry, uint32 marketId) = (uint40(r.expiry), uint32(r.marketId));
        (uint128 maxPrice, uint128 maxResponseTime) = (r.maxPrice, r.maxResponseTime);
        address refundTo = r.refundTo == address(0) ? msg.sender : r.refundTo;
        bool refundsElsewhere = refundTo != requester;
        Request storage q = _requests[requestId];
        q.inputsHash = inputsHash;
        q.requester = requester;
        q.time = expiry;
        q.marketId = marketId;
        q.state = RequestState.Open;
        q.refundsElsewhere = refundsElsewhere;
        q.maxPrice = maxPrice;
        q.limit = maxResponseTime;
        if (refundsElsewhere) _refundTo[requestId] = refundTo;
    }

    function _check(RequestParams calldata r, bytes calldata inputs, bytes calldata privateInputs, bytes calldata acl)
        private
        view
    {
        Market storage m = _markets[r.marketId];
        address verifier = m.verifier;
        if (verifier == address(0)) revert MarketUnknown();
        if (m.closed) revert MarketIsClosed();
        if (block.timestamp < m.activeFrom) revert MarketInactive();
        if (r.maxPrice == 0) revert ZeroPrice();
        if (r.maxResponseTime == 0 || r.maxResponseTime > _counters.maxTime) revert TimeOutOfRange();
        if (r.expiry <= block.timestamp || r.expiry > block.timestamp + MAX_EXPIRY) revert ExpiryOutOfRange();
        if (
            inputs.length > m.maxInputBytes || privateInputs.length > MAX_PRIVATE_INPUT_BYTES
                || acl.length > MAX_ACL_BYTES
        ) revert InputsTooLong();
        if (!m.confidential && privateInputs.length + acl.length != 0) revert NotConfidential();
        if (_isOurs(r.refundTo)) revert BadRefundTo();
        bytes memory question = abi.encodeCall(IProofVerifier.checkInputs, (inputs));
        if (!_verifierSaysYes(verifier, _counters.verifierGas, question)) revert InputsRejected();
    }

    function _collect(uint256 amount) private {
        if (amount != 0) _token().safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @dev Cancels on behalf of `by`; 0, or the reason why not.
    function _cancel(uint256 requestId, address by) private returns (bytes4) {
        Request storage q = _requests[requestId];
        if (q.state == RequestState.None) return RequestUnknown.selector;
        if (q.state != RequestState.Open) return RequestNotOpen.selector;
        if (by != q.requester && block.timestamp <= q.time && !_markets[q.marketId].closed) {
            return NotRequester.selector;
        }
        q.state = RequestState.Cancelled;
        _credit(_refundAddress(requestId, q), q.maxPrice);
        emit RequestCancelled(requestId, q.maxPrice);
        return 0;
    }

    function _spendNonce(address account, uint256 nonce) private {
        uint256 bits = _nonces[account][nonce >> 8];
        uint256 bit = 1 << (nonce & 0xff);
        if (bits & bit != 0) revert NonceAlreadyUsed();
        _nonces[account][nonce >> 8] = bits | bit;
        emit NonceUsed(account, nonce);
    }

    function _requireSigned(address signer, bytes32 structHash, bytes calldata signature) private view {
        if (!SignatureChecker.isValidSignatureNowCalldata(signer, _hashTypedDataV4(structHash), signature)) {
            revert SignatureInvalid();
        }
    }

    /// @dev The error with this selector, unless it is 0.
    function _revertWith(bytes4 reason) internal pure {
        if (reason == 0) return;
        assembly ("memory-safe") {
            mstore(0, reason)
            revert(0, 4)
        }
    }
}
