// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

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
