// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Decides whether a proof is right for given public inputs; one verifier serves one circuit.
/// @notice The marketplace calls it by STATICCALL with a gas limit (its setting `verifierGas`) and reads 32 bytes of
/// the answer. Only the value 1 is yes: a revert, no code, too little data or any other value is no. A call that was
/// given less than the whole limit and says no is no answer: the transaction reverts with `GasTooLow`.
interface IProofVerifier {
    /// @notice Whether `proof` proves the market's statement for `inputs`.
    /// @param inputs The request's public inputs, in the verifier's own encoding.
    /// @param proof The proof, in the verifier's own encoding.
    function verify(bytes calldata inputs, bytes calldata proof) external view returns (bool);

    /// @notice Whether `inputs` are well-formed, so that a proof may exist for them. Asked when a request is made.
    function checkInputs(bytes calldata inputs) external view returns (bool);

    /// @notice Whether the verifier accepts the sample that it carries. Asked when a market is made.
    function checkSample() external view returns (bool);
}
