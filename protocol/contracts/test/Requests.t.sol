// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {vm} from "../script/Vm.sol";
import {IClaims} from "../src/interfaces/IClaims.sol";
import {IKalypsoErrors} from "../src/interfaces/IKalypsoErrors.sol";
import {IProofMarketplace, RequestParams, RequestState, RequestView} from "../src/interfaces/IProofMarketplace.sol";
import {Base} from "./utils/Base.sol";
import {Answer, MaliciousVerifier} from "./utils/Verifiers.sol";

contract RequestsTest is Base {
    RequestParams internal r;

    function setUp() public override {
        super.setUp();
        r = requestParams();
    }

    function expectRefused(bytes4 reason) internal {
        vm.expectRevert(reason);
        createRequest(r);
    }

    function stateOf(uint256 id) internal view returns (RequestState) {
        return market.requestOf(id).state;
    }

    // ---- making

    function test_aRequestEscrowsItsCapAndIsRemembered() public {
        uint256 before = paymentToken.balanceOf(requester);
        vm.expectEmit(address(market));
        emit IProofMarketplace.RequestCreated(1, marketId, requester, requester, 0, r, inputs, "", "");
        assertEq(createRequest(r), 1, "id");

        assertEq(before - paymentToken.balanceOf(requester), CAP, "paid");
        assertEq(paymentToken.balanceOf(address(market)), CAP, "escrow");
        assertEq(market.requestCount(), 1, "count");
        RequestView memory v = market.requestOf(1);
        assertTrue(v.state == RequestState.Open, "state");
        assertEq(v.marketId, marketId, "marketId");
        assertEq(v.requester, requester, "requester");
        assertEq(v.refundTo, requester, "refundTo");
        assertEq(v.maxPrice, CAP, "maxPrice");
        assertEq(v.expiry, r.expiry, "expiry");
        assertEq(v.inputsHash, keccak256(inputs), "inputsHash");
        assertEq(v.generator, address(0), "generator");
        assertEq(uint256(v.price) + v.deadline + v.compute + v.pool, 0, "no task");
    }

    function test_anUnknownRequestIsAllZero() public view {
        assertEq(keccak256(abi.encode(market.requestOf(1))), keccak256(new bytes(12 * 32)), "view");
    }

    function test_theMarketExists() public {
        r.marketId = 9;
        expectRefused(IKalypsoErrors.MarketUnknown.selector);
        r.marketId = marketId + (1 << 32); // ids are stored in 32 bits
        expectRefused(IKalypsoErrors.MarketUnknown.selector);
    }

    function test_theCapIsNotZero() public {
        r.maxPrice = 0;
        expectRefused(IKalypsoErrors.ZeroPrice.selector);
    }

    function test_theTimeCapIsOneToMaxTime() public {
        r.maxResponseTime = 0;
        expectRefused(IKalypsoErrors.TimeOutOfRange.selector);
        r.maxResponseTime = 1 days + 1;
        expectRefused(IKalypsoErrors.TimeOutOfRange.selector);
        r.maxResponseTime = 1 days;
        createRequest(r);
    }

    function test_theExpiryIsWithin30Days() public {
        r.expiry = uint64(block.timestamp);
        expectRefused(IKalypsoErrors.ExpiryOutOfRange.selector);
        r.expiry = uint64(block.timestamp + 30 days + 1);
        expectRefused(IKalypsoErrors.ExpiryOutOfRange.selector);
        r.expiry = type(uint64).max;
        expectRefused(IKalypsoErrors.ExpiryOutOfRange.selector);
        r.expiry = uint64(block.timestamp + 30 days);
        createRequest(r);
        r.expiry = uint64(block.timestamp + 1);
        createRequest(r);
    }

    function test_inputsAreAtMostWhatTheMarketAllows() public {
        inputs = new bytes(1024);
        createRequest(r);
        inputs = new bytes(1025);
        expectRefused(IKalypsoErrors.InputsTooLong.selector);
        inputs = "";
        createRequest(r);
    }

    function test_privateInputsAndAclHaveTheirLimits() public {
        vm.startPrank(requester);
        vm.expectRevert(IKalypsoErrors.InputsTooLong.selector);
        market.createRequest(r, inputs, new bytes(64 * 1024 + 1), "");
        vm.expectRevert(IKalypsoErrors.InputsTooLong.selector);
        market.createRequest(r, inputs, "", new bytes(257));
    }

    function test_aPublicMarketTakesNothingConfidential() public {
        vm.startPrank(requester);
        vm.expectRevert(IKalypsoErrors.NotConfidential.selector);
        market.createRequest(r, inputs, new bytes(64 * 1024), "");
        vm.expectRevert(IKalypsoErrors.NotConfidential.selector);
        market.createRequest(r, inputs, "", new bytes(256));
    }

    function test_refundsGoToNoneOfOurs() public {
        address[5] memory ours =
            [address(market), address(registry), address(keys), address(paymentToken), address(stakeToken)];
        for (uint256 i = 0; i < ours.length; i++) {
            r.refundTo = ours[i];
            expectRefused(IKalypsoErrors.BadRefundTo.selector);
        }
    }

    function test_theVerifierChecksTheInputs() public {
        MaliciousVerifier v = new MaliciousVerifier(market);
        r.marketId = createMarket(address(v));
        createRequest(r);
        v.set(Answer.No);
        expectRefused(IKalypsoErrors.InputsRejected.selector);
    }

    function test_whoCannotPayMakesNoRequest() public {
        vm.expectRevert();
        vm.prank(stranger);
        market.createRequest(r, inputs, "", "");
        assertEq(market.requestCount(), 0, "count");
    }

    function test_theFeeIsPerByteAndKeptOnRefunds() public {
        set(market, "feePerByte", 1000);
        uint256 before = paymentToken.balanceOf(requester);
        vm.expectEmit(address(market));
        emit IProofMarketplace.RequestCreated(1, marketId, requester, requester, 64_000, r, inputs, "", "");
        createRequest(r);
        assertEq(before - paymentToken.balanceOf(requester), CAP + 64_000, "paid");
        assertEq(market.claimable(treasury), 64_000, "treasury");
        vm.prank(requester);
        market.cancelRequest(1);
        assertEq(market.claimable(requester), CAP, "refund");
        assertEq(market.claimable(treasury), 64_000, "kept");
    }

    // ---- several at once

    function test_severalRequestsArePaidTogether() public {
        RequestParams[] memory rs = new RequestParams[](3);
        (rs[0], rs[1], rs[2]) = (r, r, r);
        rs[1].maxPrice = 7;
        rs[2].refundTo = stranger;
        set(market, "feePerByte", 10);
        createRequest(r);
        uint256 before = paymentToken.balanceOf(requester);
        vm.prank(requester);
        assertEq(market.createRequests(rs, repeat(inputs, 3), repeat("", 3), repeat("", 3)), 2, "firstId");
        assertEq(before - paymentToken.balanceOf(requester), 2 * uint256(CAP) + 7 + 3 * 640, "paid");
        assertEq(market.requestOf(3).maxPrice, 7, "maxPrice");
        assertEq(market.requestOf(4).refundTo, stranger, "refundTo");
        assertEq(market.requestCount(), 4, "count");
        assertEq(createRequest(r), 5, "next id");
    }

    function test_severalRequestsAreAllOrNothing() public {
        RequestParams[] memory rs = new RequestParams[](3);
        (rs[0], rs[1], rs[2]) = (r, r, r);
        rs[2].maxPrice = 0;
        vm.expectRevert(IKalypsoErrors.ZeroPrice.selector);
        vm.prank(requester);
        market.createRequests(rs, repeat(inputs, 3), repeat("", 3), repeat("", 3));
        assertEq(market.requestCount(), 0, "count");
    }

    function test_theArraysAreOfOneLength() public {
        RequestParams[] memory rs = new RequestParams[](1);
        rs[0] = r;
        vm.startPrank(requester);
        vm.expectRevert(IKalypsoErrors.LengthMismatch.selector);
        market.createRequests(rs, repeat(inputs, 2), repeat("", 1), repeat("", 1));
        vm.expectRevert(IKalypsoErrors.LengthMismatch.selector);
        market.createRequests(rs, repeat(inputs, 1), repeat("", 0), repeat("", 1));
        vm.expectRevert(IKalypsoErrors.LengthMismatch.selector);
        market.createRequests(rs, repeat(inputs, 1), repeat("", 1), repeat("", 2));
        assertEq(
            market.createRequests(new RequestParams[](0), repeat("", 0), repeat("", 0), repeat("", 0)), 1, "none made"
        );
        assertEq(market.requestCount(), 0, "count");
    }

    // ---- cancelling

    function test_theRequesterCancelsWhileOpen() public {
        createRequest(r);
        vm.expectEmit(address(market));
        emit IProofMarketplace.RequestCancelled(1, CAP);
        vm.prank(requester);
        market.cancelRequest(1);
        assertTrue(stateOf(1) == RequestState.Cancelled, "state");
        assertEq(market.claimable(requester), CAP, "refund");
        vm.expectRevert(IKalypsoErrors.RequestNotOpen.selector);
        vm.prank(requester);
        market.cancelRequest(1);
    }

    function test_anyoneCancelsOnceExpiredAndNotBefore() public {
        createRequest(r);
        vm.warp(r.expiry);
        vm.expectRevert(IKalypsoErrors.NotRequester.selector);
        vm.prank(stranger);
        market.cancelRequest(1);
        vm.warp(r.expiry + 1);
        vm.prank(stranger);
        market.cancelRequest(1);
        assertEq(market.claimable(requester), CAP, "refund");
    }

    function test_theRequesterCancelsAnExpiredRequest() public {
        createRequest(r);
        vm.warp(r.expiry + 1);
        vm.prank(requester);
        market.cancelRequest(1);
        assertEq(market.claimable(requester), CAP, "refund");
    }

    function test_aTaskIsNotCancelled() public {
        uint256 id = createTask();
        vm.warp(r.expiry + 1);
        vm.expectRevert(IKalypsoErrors.RequestNotOpen.selector);
        vm.prank(requester);
        market.cancelRequest(id);
    }

    function test_anUnknownRequestIsNotCancelled() public {
        vm.expectRevert(IKalypsoErrors.RequestUnknown.selector);
        market.cancelRequest(1);
        vm.expectRevert(IKalypsoErrors.RequestUnknown.selector);
        market.cancelRequest(0);
        vm.expectRevert(IKalypsoErrors.RequestUnknown.selector);
        market.cancelRequestFor(1, "");
    }

    function test_refundsGoWhereTheRequestSays() public {
        r.refundTo = stranger;
        createRequest(r);
        vm.prank(requester);
        market.cancelRequest(1);
        assertEq(market.claimable(stranger), CAP, "refundTo");
        assertEq(market.claimable(requester), 0, "requester");
    }

    function test_aBatchOfCancelsSkipsWhatItMust() public {
        createRequest(r);
        createTask();
        createRequest(r);
        fund(stranger);
        vm.prank(stranger);
        market.createRequest(r, inputs, "", "");
        uint256[] memory ids = new uint256[](6);
        (ids[0], ids[1], ids[2], ids[3], ids[4], ids[5]) = (1, 2, 9, 4, 1, 3);

        vm.expectEmit(address(market));
        emit IProofMarketplace.RequestCancelled(1, CAP);
        vm.expectEmit(address(market));
        emit IProofMarketplace.CancelSkipped(2, IKalypsoErrors.RequestNotOpen.selector);
        vm.prank(requester);
        bytes4[] memory reasons = market.cancelRequests(ids);
        assertReason(reasons[0], 0);
        assertReason(reasons[1], IKalypsoErrors.RequestNotOpen.selector);
        assertReason(reasons[2], IKalypsoErrors.RequestUnknown.selector);
        assertReason(reasons[3], IKalypsoErrors.NotRequester.selector);
        assertReason(reasons[4], IKalypsoErrors.RequestNotOpen.selector);
        assertReason(reasons[5], 0);
        assertEq(market.claimable(requester), 2 * CAP, "refunds");
    }

    // ---- money

    function test_withdrawPaysOnceAndToTheAccount() public {
        createRequest(r);
        vm.prank(requester);
        market.cancelRequest(1);
        uint256 before = paymentToken.balanceOf(requester);
        vm.expectEmit(address(market));
        emit IClaims.Withdrawn(requester, CAP);
        vm.prank(stranger);
        market.withdraw(requester);
        assertEq(paymentToken.balanceOf(requester) - before, CAP, "paid");
        assertEq(market.claimable(requester), 0, "claimable");
        vm.expectRevert(IKalypsoErrors.NothingDue.selector);
        market.withdraw(requester);
    }

    function testFuzz_requestsAreTakenExactlyWithinTheirLimits(
        uint128 maxPrice,
        uint32 time,
        uint64 expiry,
        uint16 length
    ) public {
        r.maxPrice = uint128(bound(maxPrice, 0, 1e15));
        r.maxResponseTime = time % 2 == 0 ? time : time % 100_000;
        r.expiry = expiry % 2 == 0 ? expiry : uint64(bound(expiry, START - 10, START + 31 days));
        inputs = new bytes(length % 1100);
        bytes4 reason;
        if (r.maxPrice == 0) reason = IKalypsoErrors.ZeroPrice.selector;
        else if (r.maxResponseTime == 0 || r.maxResponseTime > 1 days) reason = IKalypsoErrors.TimeOutOfRange.selector;
        else if (r.expiry <= START || r.expiry > START + 30 days) reason = IKalypsoErrors.ExpiryOutOfRange.selector;
        else if (inputs.length > 1024) reason = IKalypsoErrors.InputsTooLong.selector;
        if (reason != 0) vm.expectRevert(reason);
        createRequest(r);
        assertEq(market.requestCount(), reason == 0 ? 1 : 0, "count");
        assertEq(paymentToken.balanceOf(address(market)), reason == 0 ? r.maxPrice : 0, "escrow");
    }
}
