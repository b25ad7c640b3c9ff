// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {vm} from "../../script/Vm.sol";
import {Assignment, Decision, RequestParams} from "../../src/interfaces/IProofMarketplace.sol";

/// @title Signs the EIP-712 types of the marketplace, written down here a second time, from the standard.
abstract contract Signer {
    string private constant PARAMS =
        "RequestParams(uint256 marketId,uint128 maxPrice,uint32 maxResponseTime,uint64 expiry,uint8 preference,address refundTo,uint64 spread)";
    string private constant ASSIGNMENT =
        "Assignment(uint256 requestId,address generator,uint128 price,uint32 responseTime,bytes acl)";
    string private constant DECISION =
        "Decision(uint64 batch,uint64 blockNumber,bytes32 blockHash,uint64 validUntil,bytes32 matchRoot)";

    function digest(address verifyingContract, bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Kalypso"),
                keccak256("1"),
                block.chainid,
                verifyingContract
            )
        );
        return keccak256(bytes.concat(hex"1901", domain, structHash));
    }

    function signDigest(uint256 key, bytes32 d) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, d);
        return abi.encodePacked(r, s, v);
    }

    function signAssignments(uint256 key, address to, Assignment[] memory a, Decision memory d)
        internal
        view
        returns (bytes memory)
    {
        bytes memory hashes;
        for (uint256 i = 0; i < a.length; i++) {
            bytes memory item = abi.encode(
                keccak256(bytes(ASSIGNMENT)),
                a[i].requestId,
                a[i].generator,
                a[i].price,
                a[i].responseTime,
                keccak256(a[i].acl)
            );
            hashes = bytes.concat(hashes, keccak256(item));
        }
        bytes32 decided = keccak256(
            abi.encode(keccak256(bytes(DECISION)), d.batch, d.blockNumber, d.blockHash, d.validUntil, d.matchRoot)
        );
        bytes memory typeString =
            bytes.concat("Assignments(Assignment[] assignments,Decision decision)", bytes(ASSIGNMENT), bytes(DECISION));
        return signDigest(key, digest(to, keccak256(abi.encode(keccak256(typeString), keccak256(hashes), decided))));
    }

    function createRequestDigest(
        address to,
        address requester,
        RequestParams memory r,
        bytes memory inputs,
        uint256 nonce
    ) internal view returns (bytes32) {
        bytes memory typeString = bytes.concat(
            "CreateRequest(address requester,RequestParams params,bytes inputs,bytes privateInputs,bytes acl,uint256 nonce)",
            bytes(PARAMS)
        );
        bytes32 params = keccak256(
            abi.encode(
                keccak256(bytes(PARAMS)),
                r.marketId,
                r.maxPrice,
                r.maxResponseTime,
                r.expiry,
                r.preference,
                r.refundTo,
                r.spread
            )
        );
        return digest(
            to,
            keccak256(
                abi.encode(
                    keccak256(typeString), requester, params, keccak256(inputs), keccak256(""), keccak256(""), nonce
                )
            )
        );
    }

    function cancelRequestDigest(address to, uint256 requestId, bytes memory inputs) internal view returns (bytes32) {
        return digest(
            to,
            keccak256(
                abi.encode(
                    keccak256("CancelRequest(uint256 requestId,bytes32 inputsHash)"), requestId, keccak256(inputs)
                )
            )
        );
    }
}
