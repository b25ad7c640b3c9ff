// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {vm} from "../script/Vm.sol";
import {IGeneratorRegistry} from "../src/interfaces/IGeneratorRegistry.sol";
import {IKalypsoErrors} from "../src/interfaces/IKalypsoErrors.sol";
import {Assignment} from "../src/interfaces/IProofMarketplace.sol";
import {Base} from "./utils/Base.sol";

/// @title Joining and leaving markets, and the two sets of terms: nobody gets a last look.
contract QuotesTest is Base {
    address internal other = makeAddress("other generator");

    function setUp() public override {
        super.setUp();
        addGenerator(other, other, PENALTY, 10);
    }

    struct Quote {
        uint128 price;
        uint32 responseTime;
        uint64 compute;
        uint32 tasks;
        bool active;
    }

    function quoteOf(address who) internal view returns (Quote memory q) {
        (q.price, q.responseTime, q.compute, q.tasks, q.active) = registry.quoteOf(who, marketId);
    }

    function update(uint128 price, uint32 responseTime, uint64 compute) internal {
        vm.prank(generator);
        registry.updateQuote(marketId, price, responseTime, compute);
    }

    function leaveMarket() internal {
        vm.prank(generator);
        registry.leaveMarket(marketId);
    }

    /// @dev Tries these terms on a new request; 0 or the reason.
    function offer(uint128 price, uint32 responseTime) internal returns (bytes4) {
        return assign(Assignment(createRequest(), generator, price, responseTime, ""));
    }

    // ---- joining

    function test_joining() public {
        vm.expectEmit(address(registry));
        emit IGeneratorRegistry.QuoteSet(other, marketId, 4, 5, 6);
        vm.startPrank(other);
        registry.joinMarket(marketId, 4, 5, 6);
        Quote memory q = quoteOf(other);
        assertEq(q.price, 4, "price");
        assertEq(q.responseTime, 5, "responseTime");
        assertEq(q.compute, 6, "compute");
        assertEq(q.tasks, 0, "tasks");
        assertTrue(q.active, "active");
        vm.expectRevert(IKalypsoErrors.StillInUse.selector);
        registry.joinMarket(marketId, 4, 5, 6);
    }

    function test_joiningHasItsConditions() public {
        vm.startPrank(other);
        vm.expectRevert(IKalypsoErrors.MarketUnknown.selector);
        registry.joinMarket(9, 4, 5, 6);
        vm.expectRevert(IKalypsoErrors.TimeOutOfRange.selector);
        registry.joinMarket(marketId, 4, 0, 6);
        vm.expectRevert(IKalypsoErrors.TimeOutOfRange.selector);
        registry.joinMarket(marketId, 4, 1 days + 1, 6);
        vm.stopPrank();
        vm.expectRevert(IKalypsoErrors.GeneratorUnknown.selector);
        vm.prank(stranger);
        registry.joinMarket(marketId, 4, 5, 6);
        addGenerator(stranger, stranger, PENALTY - 1, 10);
        vm.expectRevert(IKalypsoErrors.StakeShort.selector);
        vm.prank(stranger);
        registry.joinMarket(marketId, 4, 5, 6);
        vm.prank(other);
        registry.joinMarket(marketId, 4, 1 days, 6);
    }

    function test_aGeneratorQuotesIn128Markets() public {
        uint256 first = marketId;
        for (uint256 i = 0; i < 128; i++) {
            marketId = createMarket(verifier);
            join(other, 4, 5, 6);
        }
        vm.startPrank(other);
        vm.expectRevert(IKalypsoErrors.MarketLimit.selector);
        registry.joinMarket(first, 4, 5, 6);
        registry.leaveMarket(marketId);
        registry.joinMarket(first, 4, 5, 6);
    }

    function test_onlyAnActiveQuoteIsChangedOrLeft() public {
        vm.startPrank(other);
        vm.expectRevert(IKalypsoErrors.QuoteInactive.selector);
        registry.updateQuote(marketId, 4, 5, 6);
        vm.expectRevert(IKalypsoErrors.QuoteInactive.selector);
        registry.leaveMarket(marketId);
    }

    // ---- changing

    function test_newTermsHoldAtOnceAndOldOnesForTheGrace() public {
        vm.expectEmit(address(registry));
        emit IGeneratorRegistry.QuoteSet(generator, marketId, PRICE + 1, RESPONSE_TIME + 1, 3);
        update(PRICE + 1, RESPONSE_TIME + 1, 3);
        assertReason(offer(PRICE + 1, RESPONSE_TIME + 1), 0);
        assertReason(offer(PRICE, RESPONSE_TIME), 0);
        assertReason(offer(PRICE, RESPONSE_TIME + 1), IKalypsoErrors.TermsMismatch.selector); // no mixture
        assertEq(market.requestOf(1).compute, 3, "new compute");
        assertEq(market.requestOf(2).compute, COMPUTE, "old compute");
        vm.warp(START + 119);
        assertReason(offer(PRICE, RESPONSE_TIME), 0);
        vm.warp(START + 120);
        assertReason(offer(PRICE, RESPONSE_TIME), IKalypsoErrors.TermsMismatch.selector);
        assertReason(offer(PRICE + 1, RESPONSE_TIME + 1), 0);
    }

    function test_aSecondChangeWithinTheGraceIsRefused() public {
        update(PRICE + 1, RESPONSE_TIME, COMPUTE);
        vm.warp(START + 119);
        vm.startPrank(generator);
        vm.expectRevert(IKalypsoErrors.QuoteChangedTooSoon.selector);
        registry.updateQuote(marketId, PRICE, RESPONSE_TIME, COMPUTE);
        vm.expectRevert(IKalypsoErrors.QuoteChangedTooSoon.selector);
        registry.leaveMarket(marketId);
        vm.warp(START + 120);
        registry.updateQuote(marketId, PRICE + 2, RESPONSE_TIME, COMPUTE);
        vm.stopPrank();
        assertReason(offer(PRICE + 1, RESPONSE_TIME), 0);
        assertReason(offer(PRICE, RESPONSE_TIME), IKalypsoErrors.TermsMismatch.selector);
    }

    function test_newTermsAreInRange() public {
        vm.startPrank(generator);
        vm.expectRevert(IKalypsoErrors.TimeOutOfRange.selector);
        registry.updateQuote(marketId, PRICE, 0, COMPUTE);
        vm.expectRevert(IKalypsoErrors.TimeOutOfRange.selector);
        registry.updateQuote(marketId, PRICE, 1 days + 1, COMPUTE);
    }

    function test_moreComputePerRequestIsNoLastLookEither() public {
        update(PRICE, RESPONSE_TIME, 1_000_000); // more than it has: would refuse every match
        assertReason(offer(PRICE, RESPONSE_TIME), 0);
        assertEq(market.requestOf(1).compute, COMPUTE, "compute");
        vm.warp(START + 120);
        assertReason(offer(PRICE, RESPONSE_TIME), IKalypsoErrors.ComputeShort.selector);
    }

    function test_oldTermsNeedComputeToo() public {
        update(PRICE + 1, RESPONSE_TIME, 900);
        assertReason(offer(PRICE + 1, RESPONSE_TIME), 0);
        vm.warp(START + 120);
        update(PRICE, RESPONSE_TIME, 0);
        assertReason(offer(PRICE + 1, RESPONSE_TIME), IKalypsoErrors.ComputeShort.selector); // 900 of 1000 are used
        assertReason(offer(PRICE, RESPONSE_TIME), 0);
    }

    function test_runningTasksKeepTheirTerms() public {
        uint256 task = createTask();
        update(PRICE + 1, 1, 7);
        vm.warp(START + RESPONSE_TIME);
        prove(task);
        assertEq(market.claimable(rewardAddress), PRICE, "paid");
    }

    function test_theGraceInForceAtTheChangeCounts() public {
        update(PRICE + 1, RESPONSE_TIME, COMPUTE);
        vm.warp(START + 120);
        set(registry, "quoteGrace", 1 hours);
        assertReason(offer(PRICE, RESPONSE_TIME), IKalypsoErrors.TermsMismatch.selector);
        update(PRICE + 2, RESPONSE_TIME, COMPUTE);
        vm.warp(START + 120 + 3599);
        assertReason(offer(PRICE + 1, RESPONSE_TIME), 0);
    }

    // ---- leaving

    function test_leavingEndsNewTasksAfterTheGrace() public {
        vm.expectEmit(address(registry));
        emit IGeneratorRegistry.QuoteRemoved(generator, marketId, true);
        leaveMarket();
        assertTrue(!quoteOf(generator).active, "inactive");
        vm.warp(START + 119);
        assertReason(offer(PRICE, RESPONSE_TIME), 0);
        assertReason(offer(PRICE + 1, RESPONSE_TIME), IKalypsoErrors.TermsMismatch.selector);
        vm.warp(START + 120);
        assertReason(offer(PRICE, RESPONSE_TIME), IKalypsoErrors.QuoteInactive.selector);
        prove(1);
        vm.expectRevert(IKalypsoErrors.QuoteInactive.selector);
        leaveMarket();
    }

    function test_joiningAgainWaitsForTheGraceAndTheLastTask() public {
        uint256 task = createTask();
        leaveMarket();
        vm.startPrank(generator);
        vm.expectRevert(IKalypsoErrors.StillInUse.selector);
        registry.joinMarket(marketId, 4, 5, 6);
        vm.stopPrank();
        prove(task);
        vm.warp(START + 119);
        vm.startPrank(generator);
        vm.expectRevert(IKalypsoErrors.StillInUse.selector);
        registry.joinMarket(marketId, 4, 5, 6);
        vm.warp(START + 120);
        registry.joinMarket(marketId, 4, 5, 6);
        vm.stopPrank();
        assertReason(offer(PRICE, RESPONSE_TIME), IKalypsoErrors.TermsMismatch.selector);
        assertReason(offer(4, 5), 0);
    }

    function test_aTaskInTheWayKeepsAGeneratorOut() public {
        createTask();
        leaveMarket();
        vm.warp(START + 130);
        vm.expectRevert(IKalypsoErrors.StillInUse.selector);
        vm.prank(generator);
        registry.joinMarket(marketId, 4, 5, 6);
    }

    /// @notice Whatever a generator does after it was matched, the match holds for the grace.
    function testFuzz_nothingBreaksAMatchWithinTheGrace(uint256 seed, uint8 later) public {
        uint256 request = createRequest();
        uint256 change = seed % 5;
        vm.startPrank(generator);
        if (change == 0) registry.updateQuote(marketId, uint128(seed), uint32(seed % 1 days) + 1, uint64(seed >> 8));
        if (change == 1) registry.leaveMarket(marketId);
        if (change == 2) registry.setCompute(uint64(seed % 1001));
        if (change == 3) {
            registry.setCompute(0);
            registry.updateQuote(marketId, uint128(seed), 1, type(uint64).max);
            registry.requestUnstake(1000 ether);
        }
        if (change == 4) {
            registry.setCompute(0);
            registry.leaveMarket(marketId);
            registry.deregister();
        }
        vm.stopPrank();
        vm.warp(START + later % 120);
        assertReason(assign(assignment(request)), 0);
    }
}
