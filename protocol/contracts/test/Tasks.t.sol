// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {vm} from "../script/Vm.sol";
import {IKalypsoErrors} from "../src/interfaces/IKalypsoErrors.sol";
import {
    Assignment,
    Decision,
    IProofMarketplace,
    RequestParams,
    RequestState,
    RequestView
} from "../src/interfaces/IProofMarketplace.sol";
import {Base} from "./utils/Base.sol";

/// @title Assigning and proving.
contract TasksTest is Base {
    function publish(Assignment[] memory a, Decision memory d, bytes4 refusal) internal {
        bytes memory signature = signAssignments(ENGINE_KEY, address(market), a, d);
        if (refusal != 0) vm.expectRevert(refusal);
        vm.prank(stranger);
        market.assignTasks(a, d, signature);
    }

    function lockedOf(address who) internal view returns (uint256 locked, uint256 used) {
        (,, locked,,, used) = registry.generatorOf(who);
    }

    // ---- the decision

    function test_anAssignmentMakesATask() public {
        uint256 id = createRequest();
        vm.warp(START + 7);
        Assignment[] memory a = list(Assignment(id, generator, PRICE, RESPONSE_TIME, "acl"));
        Decision memory d = decision();
        vm.expectEmit(address(market));
        emit IProofMarketplace.TaskCreated(
            id, generator, marketId, PRICE, COMPUTE, 0, uint64(START + 7 + RESPONSE_TIME), "acl"
        );
        vm.expectEmit(address(market));
        emit IProofMarketplace.MatchRootPublished(
            d.batch, engine, d.matchRoot, d.blockNumber, d.blockHash, d.validUntil, 1, 0
        );
        publish(a, d, 0);

        RequestView memory v = market.requestOf(id);
        assertTrue(v.state == RequestState.Assigned, "state");
        assertEq(v.generator, generator, "generator");
        assertEq(v.price, PRICE, "price");
        assertEq(v.maxPrice, CAP, "maxPrice");
        assertEq(v.deadline, START + 7 + RESPONSE_TIME, "deadline");
        assertEq(v.expiry, 0, "expiry");
        assertEq(v.compute, COMPUTE, "compute");
        assertEq(v.pool, 0, "pool");
        (uint256 locked, uint256 used) = lockedOf(generator);
        assertEq(locked, PENALTY, "locked");
        assertEq(used, COMPUTE, "used");
        (,,, uint32 tasks,) = registry.quoteOf(generator, marketId);
        assertEq(tasks, 1, "tasks");
        assertTrue(market.batchUsed(d.batch) && !market.batchUsed(d.batch + 1), "batch");
    }

    function test_aDecisionIsGoodUntilValidUntil() public {
        Assignment[] memory a = list(assignment(createRequest()));
        Decision memory d = decision();
        vm.warp(d.validUntil);
        publish(a, d, 0);
        d = decision();
        vm.warp(d.validUntil + 1);
        publish(a, d, IKalypsoErrors.SignatureExpired.selector);
    }

    function test_aBatchNumberIsUsedOnce() public {
        Assignment[] memory none;
        Decision memory d = decision();
        publish(none, d, 0);
        publish(none, d, IKalypsoErrors.BatchAlreadyUsed.selector);
        d.matchRoot = "another";
        publish(none, d, IKalypsoErrors.BatchAlreadyUsed.selector);
        d.batch = type(uint64).max;
        publish(none, d, 0);
        d.batch--;
        publish(none, d, 0);
    }

    function test_aDecisionOfABranchThatIsGoneIsRefused() public {
        Assignment[] memory none;
        Decision memory d = decision();
        d.blockHash = keccak256("another branch");
        publish(none, d, IKalypsoErrors.BranchGone.selector);
        d.blockHash = 0;
        publish(none, d, IKalypsoErrors.BranchGone.selector);
        // the block that it would be mined in, and one to come
        d.blockNumber = uint64(block.number);
        publish(none, d, IKalypsoErrors.BranchGone.selector);
        d.blockNumber = uint64(block.number + 1);
        publish(none, d, IKalypsoErrors.BranchGone.selector);
    }

    function test_aDecisionMayBe256BlocksOld() public {
        Assignment[] memory none;
        Decision memory d = decision();
        vm.roll(d.blockNumber + 256);
        d.blockHash = blockhash(d.blockNumber);
        assertTrue(d.blockHash != 0, "still known");
        publish(none, d, 0);
        d.batch++;
        vm.roll(d.blockNumber + 257);
        publish(none, d, IKalypsoErrors.BranchGone.selector);
    }

    function test_onlyAnEngineKeyDecides() public {
        Assignment[] memory a = list(assignment(createRequest()));
        Decision memory d = decision();
        bytes memory signature = signAssignments(REQUESTER_KEY, address(market), a, d);
        vm.expectRevert(IKalypsoErrors.NotEngine.selector);
        market.assignTasks(a, d, signature);
        vm.expectRevert(IKalypsoErrors.SignatureInvalid.selector);
        market.assignTasks(a, d, "");
        vm.expectRevert(IKalypsoErrors.SignatureInvalid.selector);
        market.assignTasks(a, d, new bytes(65));

        vm.prank(guardian);
        keys.revokeKey(engine);
        publish(a, d, IKalypsoErrors.NotEngine.selector);
    }

    function test_everyFieldOfADecisionIsSigned() public {
        Assignment memory a = Assignment(createRequest(), generator, PRICE, RESPONSE_TIME, "acl");
        Decision memory d = decision();
        bytes memory signature = signAssignments(ENGINE_KEY, address(market), list(a), d);
        for (uint256 i = 0; i < 9; i++) {
            Assignment memory b = Assignment(a.requestId, a.generator, a.price, a.responseTime, a.acl);
            Decision memory e = Decision(d.batch, d.blockNumber, d.blockHash, d.validUntil, d.matchRoot);
            if (i == 0) b.requestId++;
            if (i == 1) b.generator = stranger;
            if (i == 2) b.price--;
            if (i == 3) b.responseTime--;
            if (i == 4) b.acl = "other";
            if (i == 5) e.batch++;
            if (i == 6) (e.blockNumber, e.blockHash) = (e.blockNumber - 1, blockhash(e.blockNumber - 1));
            if (i == 7) e.validUntil++;
            if (i == 8) e.matchRoot = "other";
            vm.expectRevert(IKalypsoErrors.NotEngine.selector); // another signer is recovered
            market.assignTasks(list(b), e, signature);
        }
        market.assignTasks(list(a), d, signature);
    }

    // ---- the items

    function test_theRequestIsOpenAndUnexpired() public {
        RequestParams memory r = requestParams();
        uint256 first = createRequest(r);
        uint256 second = createRequest(r);
        assertReason(assign(assignment(9)), IKalypsoErrors.RequestUnknown.selector);
        vm.warp(r.expiry);
        assertReason(assign(assignment(first)), 0);
        assertReason(assign(assignment(first)), IKalypsoErrors.RequestNotOpen.selector);
        vm.warp(r.expiry + 1);
        assertReason(assign(assignment(second)), IKalypsoErrors.RequestExpired.selector);
    }

    function test_theCapsHold() public {
        RequestParams memory r = requestParams();
        r.maxPrice = PRICE;
        r.maxResponseTime = RESPONSE_TIME;
        uint256 exact = createRequest(r);
        r.maxPrice = PRICE - 1;
        uint256 dear = createRequest(r);
        r.maxPrice = PRICE;
        r.maxResponseTime = RESPONSE_TIME - 1;
        uint256 slow = createRequest(r);
        assertReason(assign(assignment(dear)), IKalypsoErrors.PriceAboveCap.selector);
        assertReason(assign(assignment(slow)), IKalypsoErrors.TimeAboveCap.selector);
        assertReason(assign(assignment(exact)), 0);
    }

    function test_termsAreTheQuotesExactly() public {
        uint256 id = createRequest();
        Assignment memory a = assignment(id);
        a.price++;
        assertReason(assign(a), IKalypsoErrors.TermsMismatch.selector);
        a = assignment(id);
        a.price--;
        assertReason(assign(a), IKalypsoErrors.TermsMismatch.selector);
        a = assignment(id);
        a.responseTime--;
        assertReason(assign(a), IKalypsoErrors.TermsMismatch.selector);
        a = assignment(id);
        a.generator = stranger;
        assertReason(assign(a), IKalypsoErrors.GeneratorUnknown.selector);
        addGenerator(stranger, stranger, PENALTY, 1);
        assertReason(assign(a), IKalypsoErrors.QuoteInactive.selector);
    }

    function test_computeStakeAndTaskSlotsAreLimits() public {
        addGenerator(stranger, stranger, 2 * PENALTY + 1, 5);
        vm.prank(stranger);
        registry.joinMarket(marketId, PRICE, RESPONSE_TIME, 2);
        Assignment memory a = assignment(createRequest());
        a.generator = stranger;
        assertReason(assign(a), 0);
        a.requestId = createRequest();
        assertReason(assign(a), 0);
        a.requestId = createRequest();
        assertReason(assign(a), IKalypsoErrors.ComputeShort.selector);
        vm.prank(stranger);
        registry.setCompute(6);
        assertReason(assign(a), IKalypsoErrors.StakeShort.selector);
        addStake(stranger, PENALTY - 1);
        assertReason(assign(a), 0);
    }

    function test_aGeneratorRunsAHundredTasksInAMarket() public {
        addStake(generator, 100 * PENALTY);
        for (uint256 i = 0; i < 100; i++) {
            assertReason(assign(assignment(createRequest())), 0);
        }
        uint256 id = createRequest();
        assertReason(assign(assignment(id)), IKalypsoErrors.TaskLimit.selector);
        prove(1);
        assertReason(assign(assignment(id)), 0);
    }

    function test_stakeUnderNoticeIsLockable() public {
        vm.prank(generator);
        registry.requestUnstake(1000 ether);
        createTask();
    }

    function test_aBatchSkipsWhatItMust() public {
        Assignment[] memory a = new Assignment[](4);
        a[0] = assignment(createRequest());
        a[1] = assignment(a[0].requestId); // twice
        a[2] = assignment(9);
        a[3] = assignment(createRequest());
        Decision memory d = decision();
        bytes memory signature = signAssignments(ENGINE_KEY, address(market), a, d);
        vm.expectEmit(address(market));
        emit IProofMarketplace.AssignmentSkipped(a[1].requestId, generator, IKalypsoErrors.RequestNotOpen.selector);
        vm.expectEmit(address(market));
        emit IProofMarketplace.AssignmentSkipped(9, generator, IKalypsoErrors.RequestUnknown.selector);
        vm.expectEmit(address(market));
        emit IProofMarketplace.MatchRootPublished(
            d.batch, engine, d.matchRoot, d.blockNumber, d.blockHash, d.validUntil, 2, 2
        );
        bytes4[] memory reasons = market.assignTasks(a, d, signature);
        assertReason(reasons[0], 0);
        assertReason(reasons[1], IKalypsoErrors.RequestNotOpen.selector);
        assertReason(reasons[2], IKalypsoErrors.RequestUnknown.selector);
        assertReason(reasons[3], 0);
    }

    // ---- proofs

    function test_aProofPaysTheGeneratorAndRefundsTheRest() public {
        uint256 id = createTask();
        vm.expectEmit(address(market));
        emit IProofMarketplace.ProofSubmitted(id, generator, PRICE, CAP - PRICE, "proof");
        vm.prank(stranger);
        prove(id);
        assertTrue(market.requestOf(id).state == RequestState.Fulfilled, "state");
        assertEq(market.claimable(rewardAddress), PRICE, "paid");
        assertEq(market.claimable(requester), CAP - PRICE, "refund");
        (uint256 locked, uint256 used) = lockedOf(generator);
        assertEq(locked + used, 0, "released");
        (,,, uint32 tasks,) = registry.quoteOf(generator, marketId);
        assertEq(tasks, 0, "tasks");
        vm.expectRevert(IKalypsoErrors.RequestNotAssigned.selector);
        prove(id);
    }

    function test_aProofIsInTimeUpToTheDeadline() public {
        uint256 first = createTask();
        uint256 second = createTask();
        vm.warp(START + RESPONSE_TIME);
        prove(first);
        vm.warp(START + RESPONSE_TIME + 1);
        vm.expectRevert(IKalypsoErrors.DeadlinePassed.selector);
        prove(second);
    }

    function test_onlyTasksAreProven() public {
        uint256 id = createRequest();
        vm.expectRevert(IKalypsoErrors.RequestNotAssigned.selector);
        prove(id);
        vm.expectRevert(IKalypsoErrors.RequestUnknown.selector);
        prove(9);
        vm.prank(requester);
        market.cancelRequest(id);
        vm.expectRevert(IKalypsoErrors.RequestNotAssigned.selector);
        prove(id);
    }

    function test_theInputsAreThoseOfTheRequest() public {
        uint256 id = createTask();
        vm.expectRevert(IKalypsoErrors.InputsMismatch.selector);
        market.submitProof(id, "other", "proof");
    }

    function test_aNewRewardAddressIsPaidFromThenOn() public {
        uint256 first = createTask();
        uint256 second = createTask();
        prove(first);
        vm.prank(generator);
        registry.setRewardAddress(stranger);
        prove(second);
        assertEq(market.claimable(rewardAddress), PRICE, "before");
        assertEq(market.claimable(stranger), PRICE, "after");
    }

    function test_aPriceAtTheCapLeavesNoRefund() public {
        RequestParams memory r = requestParams();
        r.maxPrice = PRICE;
        uint256 id = createRequest(r);
        assign(assignment(id));
        prove(id);
        assertEq(market.claimable(requester), 0, "refund");
        assertEq(market.claimable(rewardAddress), PRICE, "paid");
    }

    function test_aBatchOfProofsSkipsWhatItMust() public {
        uint256[] memory ids = list(createTask(), createRequest(), createTask());
        bytes[] memory ins = repeat(inputs, 3);
        vm.expectEmit(address(market));
        emit IProofMarketplace.ProofSkipped(ids[1], IKalypsoErrors.RequestNotAssigned.selector);
        bytes4[] memory reasons = market.submitProofs(ids, ins, repeat("proof", 3));
        assertReason(reasons[0], 0);
        assertReason(reasons[1], IKalypsoErrors.RequestNotAssigned.selector);
        assertReason(reasons[2], 0);
        vm.expectRevert(IKalypsoErrors.LengthMismatch.selector);
        market.submitProofs(ids, repeat(inputs, 2), repeat("proof", 3));
        vm.expectRevert(IKalypsoErrors.LengthMismatch.selector);
        market.submitProofs(ids, ins, repeat("proof", 4));
    }
}
