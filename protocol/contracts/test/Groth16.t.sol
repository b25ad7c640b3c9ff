// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {vm} from "../script/Vm.sol";
import {IKalypsoErrors} from "../src/interfaces/IKalypsoErrors.sol";
import {RequestState} from "../src/interfaces/IProofMarketplace.sol";
import {Groth16ProofVerifier} from "../src/verifiers/Groth16ProofVerifier.sol";
import {FactorsVerifier} from "./fixtures/FactorsVerifier.sol";
import {Base} from "./utils/Base.sol";

/// @title A real circuit, its exported verifier and a real proof (fixtures/make.sh makes them).
contract Groth16Test is Base {
    uint256 internal constant FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    address internal exported;
    Groth16ProofVerifier internal groth16;
    bytes internal proof;

    function setUp() public override {
        super.setUp();
        string memory json = vm.readFile("test/fixtures/factors.json");
        inputs = vm.parseJsonBytes(json, ".inputs");
        proof = vm.parseJsonBytes(json, ".proof");
        exported = address(new FactorsVerifier());
        groth16 = new Groth16ProofVerifier(exported, 2, inputs, proof);
    }

    function test_aRealProofIsPaid() public {
        marketId = createMarket(address(groth16));
        join(generator, PRICE, RESPONSE_TIME, COMPUTE);
        uint256 id = createTask();
        vm.expectRevert(IKalypsoErrors.ProofInvalid.selector);
        market.submitProof(id, inputs, bytes.concat(proof, "x"));
        market.submitProof(id, inputs, proof);
        assertTrue(market.requestOf(id).state == RequestState.Fulfilled, "state");
        assertEq(market.claimable(rewardAddress), PRICE, "paid");
    }

    function test_aWrongProofInABatchIsSkipped() public {
        marketId = createMarket(address(groth16));
        join(generator, PRICE, RESPONSE_TIME, COMPUTE);
        uint256[] memory ids = list(createTask(), createTask(), createTask());
        bytes[] memory proofs = repeat(proof, 3);
        proofs[1] = new bytes(256);
        bytes4[] memory reasons = market.submitProofs(ids, repeat(inputs, 3), proofs);
        assertReason(reasons[0], 0);
        assertReason(reasons[1], IKalypsoErrors.ProofInvalid.selector);
        assertReason(reasons[2], 0);
    }

    function test_theSampleIsChecked() public {
        assertTrue(groth16.checkSample(), "sample");
        assertEq(keccak256(groth16.sampleInputs()), keccak256(inputs), "inputs");
        assertEq(keccak256(groth16.sampleProof()), keccak256(proof), "proof");
        bytes4 rejected = Groth16ProofVerifier.SampleRejected.selector;
        vm.expectRevert(rejected);
        new Groth16ProofVerifier(exported, 3, inputs, proof);
        vm.expectRevert(rejected);
        new Groth16ProofVerifier(exported, 3, bytes.concat(inputs, new bytes(32)), proof);
        vm.expectRevert(rejected);
        new Groth16ProofVerifier(exported, 2, inputs, new bytes(256));
        vm.expectRevert(rejected);
        new Groth16ProofVerifier(stranger, 2, inputs, proof);
        vm.expectRevert(rejected);
        new Groth16ProofVerifier(exported, 0, "", proof);
    }

    function test_inputsAreFieldElements() public view {
        assertTrue(groth16.checkInputs(inputs), "sample");
        assertTrue(groth16.checkInputs(new bytes(64)), "zeros");
        assertTrue(groth16.checkInputs(abi.encode(FIELD - 1, FIELD - 1)), "largest");
        assertTrue(!groth16.checkInputs(abi.encode(FIELD, 0)), "first too large");
        assertTrue(!groth16.checkInputs(abi.encode(0, FIELD)), "last too large");
        assertTrue(!groth16.checkInputs(abi.encode(type(uint256).max, 0)), "all ones");
        assertTrue(!groth16.checkInputs(new bytes(63)) && !groth16.checkInputs(new bytes(65)), "length");
        assertTrue(!groth16.checkInputs("") && !groth16.checkInputs(new bytes(96)), "count");
    }

    function test_aProofIsForItsInputs() public view {
        assertTrue(groth16.verify(inputs, proof), "as made");
        assertTrue(!groth16.verify(abi.encode(uint256(33), uint256(15)), proof), "other inputs");
        assertTrue(!groth16.verify(new bytes(32), proof), "too few");
        assertTrue(!groth16.verify(inputs, new bytes(255)), "too short");
        assertTrue(!groth16.verify(inputs, ""), "none");
        // the same public signal, written with the field's order added
        assertTrue(!groth16.verify(abi.encode(33 + FIELD, uint256(14)), proof), "not reduced");
    }

    function testFuzz_aSpoiledProofIsRefused(uint256 position, uint8 bit) public view {
        bytes memory spoiled = proof;
        spoiled[position % 256] ^= bytes1(uint8(1) << (bit % 8));
        assertTrue(!groth16.verify{gas: 1_000_000}(inputs, spoiled), "spoiled");
    }
}
