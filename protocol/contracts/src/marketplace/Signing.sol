// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Assignment, Decision, RequestParams} from "../interfaces/IProofMarketplace.sol";

/// @title EIP-712 struct hashes of what people and the engine sign for the marketplace.
library Signing {
    bytes32 private constant REQUEST_PARAMS = keccak256(
        "RequestParams(uint256 marketId,uint128 maxPrice,uint32 maxResponseTime,uint64 expiry,uint8 preference,address refundTo,uint64 spread)"
    );
    bytes32 private constant CREATE_REQUEST = keccak256(
        "CreateRequest(address requester,RequestParams params,bytes inputs,bytes privateInputs,bytes acl,uint256 nonce)RequestParams(uint256 marketId,uint128 maxPrice,uint32 maxResponseTime,uint64 expiry,uint8 preference,address refundTo,uint64 spread)"
    );
    bytes32 private constant CANCEL_REQUEST = keccak256("CancelRequest(uint256 requestId,bytes32 inputsHash)");
    bytes32 private constant ASSIGNMENT =
        keccak256("Assignment(uint256 requestId,address generator,uint128 price,uint32 responseTime,bytes acl)");
    bytes32 private constant DECISION =
        keccak256("Decision(uint64 batch,uint64 blockNumber,bytes32 blockHash,uint64 validUntil,bytes32 matchRoot)");
    bytes32 private constant ASSIGNMENTS = keccak256(
        "Assignments(Assignment[] assignments,Decision decision)Assignment(uint256 requestId,address generator,uint128 price,uint32 responseTime,bytes acl)Decision(uint64 batch,uint64 blockNumber,bytes32 blockHash,uint64 validUntil,bytes32 matchRoot)"
    );

    function hashCreateRequest(
        address requester,
        RequestParams calldata r,
        bytes calldata inputs,
        bytes calldata privateInputs,
        bytes calldata acl,
        uint256 nonce
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                CREATE_REQUEST,
                requester,
                keccak256(abi.encode(REQUEST_PARAMS, r)),
                keccak256(inputs),
                keccak256(privateInputs),
                keccak256(acl),
                nonce
            )
        );
    }

    function hashCancelRequest(uint256 requestId, bytes32 inputsHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(CANCEL_REQUEST, requestId, inputsHash));
    }

    function hashAssignments(Assignment[] calldata assignments, Decision calldata d) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](assignments.length);
        for (uint256 i = 0; i < assignments.length; i++) {
            Assignment calldata a = assignments[i];
            hashes[i] =
                keccak256(abi.encode(ASSIGNMENT, a.requestId, a.generator, a.price, a.responseTime, keccak256(a.acl)));
        }
        return
            keccak256(abi.encode(ASSIGNMENTS, keccak256(abi.encodePacked(hashes)), keccak256(abi.encode(DECISION, d))));
    }
}
