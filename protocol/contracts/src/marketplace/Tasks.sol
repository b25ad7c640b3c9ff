// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IEntityKeyRegistry} from "../interfaces/IEntityKeyRegistry.sol";
import {IGeneratorRegistry} from "../interfaces/IGeneratorRegistry.sol";
import {Assignment, Decision, IProofMarketplace, RequestState} from "../interfaces/IProofMarketplace.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {Requests} from "./Requests.sol";
import {Signing} from "./Signing.sol";

/// @title Tasks: assigning, proving, slashing.
/// @dev Each batch goes through a function that settles one item or returns why it can't; what settles an item alone
/// reverts with the same reason. State changes before the registry is called.
abstract contract Tasks is Requests {
    /// @inheritdoc IProofMarketplace
    bool public immutable checksBranch;

    constructor(bool checksBranch_) {
        checksBranch = checksBranch_;
    }

    /// @inheritdoc IProofMarketplace
    function assignTasks(Assignment[] calldata a, Decision calldata d, bytes calldata engineSignature)
        external
        returns (bytes4[] memory reasons)
    {
        if (block.timestamp > d.validUntil) revert SignatureExpired();
        _spendBatch(d.batch);
        // BLOCKHASH is 0 for blocks that are too old, and that are still to come.
        if (checksBranch && (d.blockHash == 0 || blockhash(d.blockNumber) != d.blockHash)) revert BranchGone();
        address engine = _engineOf(Signing.hashAssignments(a, d), engineSignature);

        reasons = new bytes4[](a.length);
        uint256 skipped = 0;
        for (uint256 i = 0; i < a.length; i++) {
            bytes4 reason = _assign(a[i]);
            if (reason == 0) continue;
            reasons[i] = reason;
            skipped++;
            emit AssignmentSkipped(a[i].requestId, a[i].generator, reason);
        }
        emit MatchRootPublished(
            d.batch, engine, d.matchRoot, d.blockNumber, d.blockHash, d.validUntil, a.length - skipped, skipped
        );
    }

    /// @inheritdoc IProofMarketplace
    function submitProof(uint256 requestId, bytes calldata inputs, bytes calldata proof) external {
        _revertWith(_prove(requestId, inputs, proof));
    }

    /// @inheritdoc IProofMarketplace
    function submitProofs(uint256[] calldata requestIds, bytes[] calldata inputs, bytes[] calldata proofs)
        external
        returns (bytes4[] memory reasons)
    {
        uint256 count = requestIds.length;
        if (inputs.length != count || proofs.length != count) revert LengthMismatch();
        reasons = new bytes4[](count);
        for (uint256 i = 0; i < count; i++) {
            bytes4 reason = _prove(requestIds[i], inputs[i], proofs[i]);
            if (reason == 0) continue;
            reasons[i] = reason;
            emit ProofSkipped(requestIds[i], reason);
        }
    }

    /// @inheritdoc IProofMarketplace
    function slash(uint256 requestId) external {
        _revertWith(_slash(requestId));
    }

    /// @inheritdoc IProofMarketplace
    function slashMany(uint256[] calldata requestIds) external returns (bytes4[] memory reasons) {
        reasons = new bytes4[](requestIds.length);
        for (uint256 i = 0; i < requestIds.length; i++) {
            bytes4 reason = _slash(requestIds[i]);
            if (reason == 0) continue;
            reasons[i] = reason;
            emit SlashSkipped(requestIds[i], reason);
        }
    }

    /// @inheritdoc IProofMarketplace
    function batchUsed(uint256 batch) external view returns (bool) {
        return _batches[batch >> 8] >> (batch & 0xff) & 1 != 0;
    }

    function _assign(Assignment calldata a) private returns (bytes4) {
        Request storage q = _requests[a.requestId];
        if (q.state == RequestState.None) return RequestUnknown.selector;
        if (q.state != RequestState.Open) return RequestNotOpen.selector;
        if (block.timestamp > q.time) return RequestExpired.selector;
        uint256 marketId = q.marketId;
        Market storage m = _markets[marketId];
        if (m.closed) return MarketIsClosed.selector;
        if (a.price > q.maxPrice) return PriceAboveCap.selector;
        if (a.responseTime > q.limit) return TimeAboveCap.selector;
        (bytes4 reason, uint16 pool, uint64 compute) =
            IGeneratorRegistry(registry).lock(a.generator, marketId, a.price, a.responseTime, m.penalty);
        if (reason != 0) return reason;

        uint256 deadline = block.timestamp + a.responseTime;
        uint16 kilogas = uint16(_counters.verifierGas / 1000); // a task keeps it: lowering it later can't make it fail
        q.time = uint40(deadline);
        q.state = RequestState.Assigned;
        q.limit = a.price;
        q.generator = a.generator;
        q.compute = compute;
        q.pool = pool;
        q.verifierKilogas = kilogas;
        emit TaskCreated(a.requestId, a.generator, marketId, a.price, compute, pool, uint64(deadline), a.acl);
        return 0;
    }

    function _prove(uint256 requestId, bytes calldata inputs, bytes calldata proof) private returns (bytes4) {
        Request storage q = _requests[requestId];
        if (q.state == RequestState.None) return RequestUnknown.selector;
        if (q.state != RequestState.Assigned) return RequestNotAssigned.selector;
        if (block.timestamp > q.time) return DeadlinePassed.selector;
        if (keccak256(inputs) != q.inputsHash) return InputsMismatch.selector;
        Market storage m = _markets[q.marketId];
        bytes memory question = abi.encodeCall(IProofVerifier.verify, (inputs, proof));
        if (!_verifierSaysYes(m.verifier, uint256(q.verifierKilogas) * 1000, question)) return ProofInvalid.selector;

        q.state = RequestState.Fulfilled;
        address generator = q.generator;
        address rewardAddress =
            IGeneratorRegistry(registry).release(generator, q.marketId, q.pool, q.compute, m.penalty);
        uint128 price = q.limit;
        uint128 refund = q.maxPrice - price;
        _credit(rewardAddress, price);
        _credit(_refundAddress(requestId, q), refund);
        emit ProofSubmitted(requestId, generator, price, refund, proof);
        return 0;
    }

    function _slash(uint256 requestId) private returns (bytes4) {
        Request storage q = _requests[requestId];
        if (q.state == RequestState.None) return RequestUnknown.selector;
        if (q.state != RequestState.Assigned) return RequestNotAssigned.selector;
        if (block.timestamp <= q.time) return DeadlineNotPassed.selector;

        q.state = RequestState.Slashed;
        Market storage m = _markets[q.marketId];
        address refundTo = _refundAddress(requestId, q);
        uint128 penalty = m.penalty;
        _credit(refundTo, q.maxPrice);
        emit TaskSlashed(requestId, q.generator, msg.sender, q.pool, penalty, q.maxPrice);
        // Where nobody can say that inputs can't be proven, a part of the penalty would pay for unprovable requests.
        (uint128 toRequester, uint128 toSlasher, uint128 toTreasury) = IGeneratorRegistry(registry)
            .slash(
                q.generator, q.marketId, q.pool, q.compute, penalty, m.disputable ? refundTo : address(0), msg.sender
            );
        emit PenaltyPaid(requestId, toRequester, toSlasher, toTreasury);
        return 0;
    }

    function _spendBatch(uint256 batch) private {
        uint256 bits = _batches[batch >> 8];
        uint256 bit = 1 << (batch & 0xff);
        if (bits & bit != 0) revert BatchAlreadyUsed();
        _batches[batch >> 8] = bits | bit;
    }

    function _engineOf(bytes32 structHash, bytes calldata signature) private view returns (address engine) {
        ECDSA.RecoverError failure;
        (engine, failure,) = ECDSA.tryRecoverCalldata(_hashTypedDataV4(structHash), signature);
        if (failure != ECDSA.RecoverError.NoError) revert SignatureInvalid();
        if (!IEntityKeyRegistry(keyRegistry).isEngine(engine)) revert NotEngine();
    }
}
