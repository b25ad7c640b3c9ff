// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {vm} from "../script/Vm.sol";
import {IKalypsoErrors} from "../src/interfaces/IKalypsoErrors.sol";
import {RequestParams, RequestState} from "../src/interfaces/IProofMarketplace.sol";
import {Base} from "./utils/Base.sol";
import {Answer, MaliciousVerifier, YesVerifier} from "./utils/Verifiers.sol";

/// @title Verifiers are strangers: whatever one does, it hurts nobody but its own market.
contract VerifiersTest is Base {
    MaliciousVerifier internal bad;
    uint256 internal badMarket;

    /// @dev The malicious verifier is that of market 1: an answer that is too short would leave the id that was hashed
    /// last, 1, where the answer is read.
    function setUp() public override {
        super.setUp();
        vm.etch(verifier, address(new MaliciousVerifier(market)).code);
        bad = MaliciousVerifier(verifier);
        badMarket = marketId;
        verifier = address(new YesVerifier());
        marketId = createMarket(verifier);
        join(generator, PRICE, RESPONSE_TIME, COMPUTE);
    }

    function isYes(Answer a) internal pure returns (bool) {
        return a == Answer.Yes || a == Answer.YesAndMore || a == Answer.WantsAll;
    }

    /// @dev A task in the malicious market, made while its verifier still behaves.
    function createBadTask() internal returns (uint256 id) {
        RequestParams memory r = requestParams();
        r.marketId = badMarket;
        id = createRequest(r);
        assertReason(assign(assignment(id)), 0);
    }

    function forEachAnswer(function(Answer) test) internal {
        for (uint8 i = 0; i <= uint8(type(Answer).max); i++) {
            uint256 state = vm.snapshotState();
            test(Answer(i));
            vm.revertToState(state);
        }
    }

    function test_onlyOneIsYesToAProof() public {
        forEachAnswer(proveOne);
    }

    function proveOne(Answer a) internal {
        uint256 id = createBadTask();
        bad.set(a);
        if (!isYes(a)) vm.expectRevert(IKalypsoErrors.ProofInvalid.selector);
        prove(id);
        assertTrue(market.requestOf(id).state == (isYes(a) ? RequestState.Fulfilled : RequestState.Assigned), "state");
    }

    function test_aBadVerifierSpoilsNoBatch() public {
        forEachAnswer(proveThree);
    }

    function proveThree(Answer a) internal {
        uint256[] memory ids = list(createTask(), createBadTask(), createTask());
        bad.set(a);
        bytes4[] memory reasons = market.submitProofs(ids, repeat(inputs, 3), repeat("proof", 3));
        assertReason(reasons[0], 0);
        assertReason(reasons[1], isYes(a) ? bytes4(0) : IKalypsoErrors.ProofInvalid.selector);
        assertReason(reasons[2], 0);
    }

    function test_onlyOneIsYesToInputs() public {
        forEachAnswer(createOne);
    }

    function createOne(Answer a) internal {
        bad.set(a);
        RequestParams memory r = requestParams();
        r.marketId = badMarket;
        if (!isYes(a)) vm.expectRevert(IKalypsoErrors.InputsRejected.selector);
        createRequest(r);
    }

    function test_onlyOneIsYesToTheSample() public {
        forEachAnswer(createOneMarket);
    }

    function createOneMarket(Answer a) internal {
        bad.set(a);
        if (!isYes(a)) vm.expectRevert(IKalypsoErrors.SampleRejected.selector);
        createMarket(address(bad));
    }

    function test_aVerifierThatIsGoneSaysNo() public {
        uint256 id = createBadTask();
        vm.etch(address(bad), "");
        vm.expectRevert(IKalypsoErrors.ProofInvalid.selector);
        prove(id);
    }

    function test_aVerifierBurnsNoMoreThanItsLimit() public {
        uint256 id = createBadTask();
        bad.set(Answer.BurnsGas);
        assertLe(burn(id), 2_000_000 + 100_000, "gas");
    }

    function burn(uint256 id) internal returns (uint256 gas) {
        gas = gasleft();
        market.submitProofs(list(id), repeat(inputs, 1), repeat("proof", 1));
        gas -= gasleft();
    }

    function test_itsLimitIsASettingThatATaskKeeps() public {
        uint256 before = createBadTask();
        set(market, "verifierGas", 100_000);
        uint256 later = createBadTask();
        bad.set(Answer.BurnsGas);
        assertLe(2_000_000, burn(before), "as when it was assigned");
        assertLe(burn(later), 200_000, "as set");
    }

    /// @notice With any amount of gas a batch does all that it would do with plenty, or nothing at all.
    function testFuzz_tooLittleGasSkipsNothing(uint256 gasLimit, uint8 answer) public {
        gasLimit = bound(gasLimit, 20_000, 3_500_000);
        uint256[] memory ids = list(createTask(), createBadTask(), createTask());
        bad.set(Answer(answer % (uint8(type(Answer).max) + 1)));
        uint256 state = vm.snapshotState();
        bytes4[] memory expected = market.submitProofs(ids, repeat(inputs, 3), repeat("proof", 3));
        vm.revertToState(state);

        bytes memory call = abi.encodeCall(market.submitProofs, (ids, repeat(inputs, 3), repeat("proof", 3)));
        (bool done, bytes memory answered) = address(market).call{gas: gasLimit}(call);
        if (done) {
            assertEq(keccak256(answered), keccak256(abi.encode(expected)), "reasons");
        } else {
            for (uint256 i = 0; i < 3; i++) {
                assertTrue(market.requestOf(ids[i]).state == RequestState.Assigned, "nothing happened");
            }
        }
    }

    /// @notice Around the point where a 64th (EIP-150) decides whether the verifier gets its whole limit.
    function test_aVerifierThatWantsAllGetsItOrNothingHappens() public {
        uint256[] memory ids = list(createBadTask());
        bad.set(Answer.WantsAll);
        bytes memory call = abi.encodeCall(market.submitProofs, (ids, repeat(inputs, 1), repeat("proof", 1)));
        uint256 settled = 0;
        for (uint256 gasLimit = 1_950_000; gasLimit < 2_200_000; gasLimit += 1000) {
            uint256 state = vm.snapshotState();
            (bool done, bytes memory answered) = address(market).call{gas: gasLimit}(call);
            vm.revertToState(state);
            if (!done) continue;
            settled++;
            assertEq(keccak256(answered), keccak256(abi.encode(new bytes4[](1))), "settled");
        }
        assertTrue(settled > 50 && settled < 200, "some settled, some reverted");
    }

    function test_tooLittleGasHasAName() public {
        uint256 id = createBadTask();
        bad.set(Answer.BurnsGas);
        bytes memory call = abi.encodeCall(market.submitProofs, (list(id), repeat(inputs, 1), repeat("proof", 1)));
        (bool done, bytes memory answered) = address(market).call{gas: 1_000_000}(call);
        assertTrue(!done, "reverted");
        assertReason(bytes4(answered), IKalypsoErrors.GasTooLow.selector);
    }

    function test_aGoodProofNeedsNoMoreGasThanItUses() public {
        uint256 id = createTask();
        market.submitProof{gas: 150_000}(id, inputs, "proof");
    }
}
