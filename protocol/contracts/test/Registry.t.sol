// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {vm} from "../script/Vm.sol";
import {IGeneratorRegistry} from "../src/interfaces/IGeneratorRegistry.sol";
import {IKalypsoErrors} from "../src/interfaces/IKalypsoErrors.sol";
import {Base} from "./utils/Base.sol";

/// @title Registering, staking, compute, and the calls that only the marketplace makes. Quotes: Quotes.t.sol.
contract RegistryTest is Base {
    address internal other = makeAddress("other generator");

    struct Record {
        address rewardAddress;
        uint256 stake;
        uint256 locked;
        uint256 unstaking;
        uint64 compute;
        uint64 computeUsed;
    }

    function recordOf(address who) internal view returns (Record memory r) {
        (r.rewardAddress, r.stake, r.locked, r.unstaking, r.compute, r.computeUsed) = registry.generatorOf(who);
    }

    function refuse(address by, bytes4 reason) internal {
        vm.expectRevert(reason);
        vm.prank(by);
    }

    // ---- registering

    function test_registering() public {
        vm.expectEmit(address(registry));
        emit IGeneratorRegistry.GeneratorRegistered(other, rewardAddress, 5, "about me");
        vm.prank(other);
        registry.register(rewardAddress, 5, "about me");
        Record memory r = recordOf(other);
        assertEq(r.rewardAddress, rewardAddress, "rewardAddress");
        assertEq(r.compute, 5, "compute");
        assertEq(r.stake + r.locked + r.unstaking + r.computeUsed, 0, "nothing else");
        refuse(other, IKalypsoErrors.GeneratorExists.selector);
        registry.register(rewardAddress, 5, "");
    }

    function test_aRewardAddressIsSomebodyElse() public {
        address[6] memory wrong =
            [address(0), address(market), address(registry), address(keys), address(paymentToken), address(stakeToken)];
        for (uint256 i = 0; i < wrong.length; i++) {
            refuse(other, IKalypsoErrors.BadRewardAddress.selector);
            registry.register(wrong[i], 5, "");
            refuse(generator, IKalypsoErrors.BadRewardAddress.selector);
            registry.setRewardAddress(wrong[i]);
        }
        refuse(other, IKalypsoErrors.GeneratorUnknown.selector);
        registry.setRewardAddress(stranger);
        vm.expectEmit(address(registry));
        emit IGeneratorRegistry.RewardAddressSet(generator, stranger);
        vm.prank(generator);
        registry.setRewardAddress(stranger);
        assertEq(recordOf(generator).rewardAddress, stranger, "set");
    }

    // ---- stake

    function test_anyoneAddsStake() public {
        stakeToken.mint(stranger, 5);
        vm.startPrank(stranger);
        stakeToken.approve(address(registry), 5);
        vm.expectEmit(address(registry));
        emit IGeneratorRegistry.StakeChanged(generator, 0, 1000 ether + 5, 0, 0, 0);
        registry.stake(generator, 5);
        vm.expectRevert(IKalypsoErrors.ZeroAmount.selector);
        registry.stake(generator, 0);
        vm.expectRevert(IKalypsoErrors.GeneratorUnknown.selector);
        registry.stake(other, 5);
        vm.expectRevert(); // has no more
        registry.stake(generator, 1);
        assertEq(recordOf(generator).stake, 1000 ether + 5, "stake");
    }

    function test_noticeIsPaidAfterTheDelay() public {
        vm.expectEmit(address(registry));
        emit IGeneratorRegistry.StakeChanged(generator, 0, 1000 ether, 0, 300 ether, uint64(START + 7 days));
        vm.prank(generator);
        registry.requestUnstake(300 ether);
        assertEq(registry.payableAt(generator), START + 7 days, "payableAt");

        vm.warp(START + 7 days - 1);
        refuse(generator, IKalypsoErrors.NothingDue.selector);
        registry.unstake();
        vm.warp(START + 7 days);
        vm.expectEmit(address(registry));
        emit IGeneratorRegistry.StakeChanged(generator, 0, 700 ether, 0, 0, 0);
        vm.prank(generator);
        registry.unstake();
        assertEq(stakeToken.balanceOf(generator), 300 ether, "paid");
        assertEq(registry.payableAt(generator), 0, "payableAt");
        refuse(generator, IKalypsoErrors.NothingDue.selector);
        registry.unstake();
    }

    function test_moreNoticeRestartsTheDelayForAll() public {
        vm.startPrank(generator);
        registry.requestUnstake(300 ether);
        vm.warp(START + 7 days - 1);
        registry.requestUnstake(1);
        assertEq(recordOf(generator).unstaking, 300 ether + 1, "unstaking");
        vm.warp(START + 14 days - 2);
        vm.expectRevert(IKalypsoErrors.NothingDue.selector);
        registry.unstake();
        vm.warp(START + 14 days - 1);
        registry.unstake();
        assertEq(stakeToken.balanceOf(generator), 300 ether + 1, "paid");
    }

    function test_noticeIsForStakeThatIsNotUnderNotice() public {
        vm.startPrank(generator);
        vm.expectRevert(IKalypsoErrors.ZeroAmount.selector);
        registry.requestUnstake(0);
        vm.expectRevert(IKalypsoErrors.StakeShort.selector);
        registry.requestUnstake(1000 ether + 1);
        registry.requestUnstake(999 ether);
        vm.expectRevert(IKalypsoErrors.StakeShort.selector);
        registry.requestUnstake(1 ether + 1);
        vm.expectRevert(IKalypsoErrors.StakeShort.selector);
        registry.requestUnstake(type(uint256).max);
        registry.requestUnstake(1 ether);
        vm.stopPrank();
        refuse(other, IKalypsoErrors.GeneratorUnknown.selector);
        registry.requestUnstake(1);
        refuse(other, IKalypsoErrors.GeneratorUnknown.selector);
        registry.unstake();
    }

    function test_whatIsLockedIsPaidLater() public {
        set(registry, "unstakeDelay", 1 days + 1);
        vm.prank(generator);
        registry.requestUnstake(1000 ether);
        vm.warp(START + 1 days + 1);
        uint256 task = createTask();
        vm.prank(generator);
        registry.unstake();
        assertEq(stakeToken.balanceOf(generator), 1000 ether - PENALTY, "free part");
        refuse(generator, IKalypsoErrors.NothingDue.selector);
        registry.unstake();
        prove(task);
        vm.prank(generator);
        registry.unstake();
        assertEq(stakeToken.balanceOf(generator), 1000 ether, "all");
    }

    function testFuzz_stakeComesBackToTheUnit(uint96[8] calldata amounts) public {
        addGenerator(other, other, 1, 1);
        uint256 total = 1;
        for (uint256 i = 0; i < amounts.length; i++) {
            if (amounts[i] == 0) continue;
            addStake(other, amounts[i]);
            total += amounts[i];
            uint256 notice = bound(amounts[i], 1, total - recordOf(other).unstaking);
            vm.prank(other);
            registry.requestUnstake(notice);
            if (i % 3 == 0) continue;
            vm.warp(block.timestamp + 7 days);
            uint256 before = stakeToken.balanceOf(other);
            vm.prank(other);
            registry.unstake();
            total -= stakeToken.balanceOf(other) - before;
        }
        assertEq(recordOf(other).stake, total, "stake");
        assertEq(stakeToken.balanceOf(address(registry)), 1000 ether + total, "balance");
    }

    // ---- compute

    function test_computeRisesAtOnceAndFallsLater() public {
        vm.startPrank(generator);
        vm.expectEmit(address(registry));
        emit IGeneratorRegistry.ComputeChanged(generator, 2000, uint64(START));
        registry.setCompute(2000);
        assertEq(recordOf(generator).compute, 2000, "up");
        vm.expectEmit(address(registry));
        emit IGeneratorRegistry.ComputeChanged(generator, 500, uint64(START + 120));
        registry.setCompute(500);
        assertEq(recordOf(generator).compute, 2000, "not yet");
        vm.expectRevert(IKalypsoErrors.QuoteChangedTooSoon.selector);
        registry.setCompute(3000);
        vm.warp(START + 119);
        assertEq(recordOf(generator).compute, 2000, "still not");
        vm.expectRevert(IKalypsoErrors.QuoteChangedTooSoon.selector);
        registry.setCompute(400);
        vm.warp(START + 120);
        assertEq(recordOf(generator).compute, 500, "down");
        registry.setCompute(400);
    }

    function test_computeDoesNotFallBelowWhatRuns() public {
        createTask();
        createTask();
        vm.startPrank(generator);
        vm.expectRevert(IKalypsoErrors.StillInUse.selector);
        registry.setCompute(1);
        registry.setCompute(2);
        vm.stopPrank();
        refuse(other, IKalypsoErrors.GeneratorUnknown.selector);
        registry.setCompute(1);
    }

    function test_loweredComputeIsHonouredForTheGrace() public {
        vm.prank(generator);
        registry.setCompute(0);
        vm.warp(START + 119);
        createTask();
        vm.warp(START + 120);
        assertReason(assign(assignment(createRequest())), IKalypsoErrors.ComputeShort.selector);
        assertEq(recordOf(generator).compute, 0, "compute");
        assertEq(recordOf(generator).computeUsed, 1, "used");
    }

    // ---- leaving for good

    function deregister() internal {
        vm.startPrank(generator);
        registry.leaveMarket(marketId);
        registry.deregister();
        vm.stopPrank();
    }

    function test_deregisteringGivesNoticeForAllAndEndsWhenPaid() public {
        vm.prank(generator);
        registry.leaveMarket(marketId);
        vm.expectEmit(address(registry));
        emit IGeneratorRegistry.GeneratorDeregistered(generator);
        vm.expectEmit(address(registry));
        emit IGeneratorRegistry.StakeChanged(generator, 0, 1000 ether, 0, 1000 ether, uint64(START + 7 days));
        vm.startPrank(generator);
        registry.deregister();

        bytes4 unknown = IKalypsoErrors.GeneratorUnknown.selector;
        vm.expectRevert(unknown);
        registry.deregister();
        vm.expectRevert(unknown);
        registry.joinMarket(marketId, 1, 1, 1);
        vm.expectRevert(unknown);
        registry.setCompute(1);
        vm.expectRevert(unknown);
        registry.requestUnstake(1);
        vm.expectRevert(unknown);
        registry.stake(generator, 1);
        vm.expectRevert(IKalypsoErrors.GeneratorExists.selector);
        registry.register(rewardAddress, 1, "");
        registry.setRewardAddress(stranger);

        vm.warp(START + 7 days);
        vm.expectEmit(address(registry));
        emit IGeneratorRegistry.StakeChanged(generator, 0, 0, 0, 0, 0);
        registry.unstake();
        assertEq(stakeToken.balanceOf(generator), 1000 ether, "paid");
        assertEq(recordOf(generator).rewardAddress, address(0), "gone");
        registry.register(rewardAddress, 1, "");
    }

    function test_deregisteringNeedsNoQuoteAndNoTask() public {
        uint256 task = createTask();
        vm.startPrank(generator);
        vm.expectRevert(IKalypsoErrors.StillInUse.selector);
        registry.deregister();
        registry.leaveMarket(marketId);
        vm.expectRevert(IKalypsoErrors.StillInUse.selector);
        registry.deregister();
        vm.stopPrank();
        prove(task);
        vm.prank(generator);
        registry.deregister();
    }

    function test_withoutStakeTheRecordEndsAtOnce() public {
        vm.startPrank(other);
        registry.register(rewardAddress, 5, "");
        vm.expectEmit(address(registry));
        emit IGeneratorRegistry.GeneratorDeregistered(other);
        vm.expectEmit(address(registry));
        emit IGeneratorRegistry.StakeChanged(other, 0, 0, 0, 0, 0);
        registry.deregister();
        assertEq(recordOf(other).rewardAddress, address(0), "gone");
        registry.register(rewardAddress, 5, "");
    }

    function test_aLeavingGeneratorCanStillBeAssignedWithinTheGrace() public {
        deregister();
        vm.warp(START + 119);
        uint256 task = createTask();
        vm.warp(START + 7 days);
        market.slash(task);
        vm.prank(generator);
        registry.unstake();
        assertEq(stakeToken.balanceOf(generator), 1000 ether - PENALTY, "paid");
        assertEq(recordOf(generator).rewardAddress, address(0), "gone");
    }

    function test_aLeavingGeneratorWhoseLastStakeIsSlashedEndsUnpaid() public {
        addGenerator(other, rewardAddress, PENALTY, 1);
        join(other, PRICE, RESPONSE_TIME, 1);
        generator = other;
        uint256 task = createRequest();
        deregister();
        assertReason(assign(assignment(task)), 0);
        vm.warp(START + RESPONSE_TIME + 1);
        market.slash(task);
        vm.prank(other);
        registry.unstake();
        assertEq(recordOf(other).rewardAddress, address(0), "gone");
        assertEq(stakeToken.balanceOf(other), 0, "unpaid");
    }

    function test_aRecordThatEndedIsUnknownWithinTheGraceToo() public {
        addGenerator(other, rewardAddress, PENALTY, 1);
        join(other, PRICE, RESPONSE_TIME, 0);
        set(registry, "quoteGrace", 1 hours);
        generator = other;
        uint256 id = createRequest();
        set(market, "maxTime", 1);
        set(registry, "unstakeDelay", 2);
        deregister();
        vm.warp(START + 2);
        vm.prank(other);
        registry.unstake();
        assertReason(assign(assignment(id)), IKalypsoErrors.GeneratorUnknown.selector);
    }

    // ---- the marketplace's calls

    function test_onlyTheMarketplaceLocksReleasesAndSlashes() public {
        vm.startPrank(admin);
        vm.expectRevert(IKalypsoErrors.NotMarketplace.selector);
        registry.lock(generator, marketId, PRICE, RESPONSE_TIME, PENALTY);
        vm.expectRevert(IKalypsoErrors.NotMarketplace.selector);
        registry.release(generator, marketId, 0, 1, PENALTY);
        vm.expectRevert(IKalypsoErrors.NotMarketplace.selector);
        registry.slash(generator, marketId, 0, 1, PENALTY, requester, slasher);
    }
}
