// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IProofMarketplace} from "../../src/interfaces/IProofMarketplace.sol";
import {IProofVerifier} from "../../src/interfaces/IProofVerifier.sol";

/// @title Says yes to everything, as cheaply as can be.
contract YesVerifier {
    fallback() external {
        assembly {
            mstore(0, 1)
            return(0, 32)
        }
    }
}

/// @title Takes all inputs, and no proof but "proof".
contract PickyVerifier is IProofVerifier {
    function verify(bytes calldata, bytes calldata proof) external pure returns (bool) {
        return keccak256(proof) == keccak256("proof");
    }

    function checkInputs(bytes calldata) external pure returns (bool) {
        return true;
    }

    function checkSample() external pure returns (bool) {
        return true;
    }
}

/// @notice Every way that a verifier may answer.
enum Answer {
    Yes,
    YesAndMore, // 1, and another word
    No,
    Two,
    Garbage, // 32 bytes of ones
    Short, // 31 bytes
    Nothing,
    Huge, // a no of 64 KiB
    Reverts,
    RevertsWithOne,
    BurnsGas,
    Writes, // to its storage
    Reenters, // cancels a request, then says yes
    WantsAll // yes, with nearly all of the gas that a verifier may use; else no
}

/// @title A verifier that does what it is told to, for all questions.
contract MaliciousVerifier {
    Answer public answer;
    IProofMarketplace private immutable _market;

    constructor(IProofMarketplace market) {
        _market = market;
    }

    function set(Answer a) external {
        answer = a;
    }

    fallback() external {
        Answer a = answer;
        if (a == Answer.Reverts) revert("no");
        if (a == Answer.Reenters) _market.cancelRequest(1);
        if (a == Answer.Writes) answer = Answer.Yes;
        assembly {
            function end(size, word) {
                mstore(0, word)
                return(0, size)
            }
            switch a
            case 0 { end(32, 1) }
            case 1 { end(64, 1) }
            case 2 { end(32, 0) }
            case 3 { end(32, 2) }
            case 4 { end(32, not(0)) }
            case 5 { end(31, 1) }
            case 6 { end(0, 0) }
            case 7 { end(0x10000, 0) }
            case 9 {
                mstore(0, 1)
                revert(0, 32)
            }
            case 10 { invalid() }
            case 13 { end(32, gt(gas(), 1990000)) }
            default { end(32, 1) }
        }
    }
}
