// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {IProofVerifier} from "../interfaces/IProofVerifier.sol";

/// @title Makes a Groth16 (BN254) verifier that snarkjs exported into a market's verifier.
/// @notice Inputs are the circuit's public signals: N 32-byte big-endian words, each below the scalar field's order.
/// A proof is 8 such words in the order in which snarkjs' `verifyProof` takes them: a[2], b[2][2], c[2].
/// @dev All arguments of `verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[N])` are of fixed size, so its call
/// data is selector, proof and inputs, one after the other.
contract Groth16ProofVerifier is IProofVerifier {
    /// @notice Order of BN254's scalar field.
    uint256 public constant FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    uint256 private constant PROOF_BYTES = 8 * 32;

    /// @notice The contract that snarkjs exported.
    address public immutable exported;
    /// @notice N, how many public signals the circuit has.
    uint256 public immutable inputCount;
    bytes4 private immutable _selector;

    /// @notice Inputs that can be proven, and a proof of them.
    bytes public sampleInputs;
    bytes public sampleProof;

    /// @notice The exported verifier doesn't accept the sample: it isn't one with N public signals, or the proof isn't.
    error SampleRejected();

    /// @param exported_ Address of the contract that snarkjs exported.
    /// @param inputCount_ N, at least 1.
    /// Errors: SampleRejected.
    constructor(address exported_, uint256 inputCount_, bytes memory sampleInputs_, bytes memory sampleProof_) {
        exported = exported_;
        inputCount = inputCount_;
        _selector = bytes4(
            keccak256(
                abi.encodePacked(
                    "verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[", Strings.toString(inputCount_), "])"
                )
            )
        );
        sampleInputs = sampleInputs_;
        sampleProof = sampleProof_;
        if (!_verify(sampleInputs_, sampleProof_)) revert SampleRejected();
    }

    /// @inheritdoc IProofVerifier
    function verify(bytes calldata inputs, bytes calldata proof) external view returns (bool) {
        return _verify(inputs, proof);
    }

    /// @inheritdoc IProofVerifier
    function checkInputs(bytes calldata inputs) external view returns (bool) {
        if (inputs.length != inputCount * 32) return false;
        for (uint256 i = 0; i < inputs.length; i += 32) {
            if (uint256(bytes32(inputs[i:i + 32])) >= FIELD) return false;
        }
        return true;
    }

    /// @inheritdoc IProofVerifier
    function checkSample() external view returns (bool) {
        return _verify(sampleInputs, sampleProof);
    }

    function _verify(bytes memory inputs, bytes memory proof) private view returns (bool) {
        if (inputs.length != inputCount * 32 || proof.length != PROOF_BYTES) return false;
        (bool answered, bytes memory answer) = exported.staticcall(abi.encodePacked(_selector, proof, inputs));
        return answered && answer.length == 32 && uint256(bytes32(answer)) == 1;
    }
}
