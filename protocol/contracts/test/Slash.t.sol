// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {vm} from "../script/Vm.sol";
import {IKalypsoErrors} from "../src/interfaces/IKalypsoErrors.sol";
import {IProofMarketplace, RequestParams, RequestState} from "../src/interfaces/IProofMarketplace.sol";
import {Base} from "./utils/Base.sol";

contract SlashTest is Base {
    uint256 internal task;

    function setUp() public override {
        super.setUp();
        task = createTask();
    }

    function stakeOf(address who) internal view returns (uint256 staked, uint256 locked, uint256 unstaking) {
        (, staked, locked, unstaking,,) = registry.generatorOf(who);
    }

    function late() internal {
        vm.warp(START + RESPONSE_TIME + 1);
    }

    /// @dev What the registry does for a market whose inputs can be disputed; there is none so far.
    function slashDisputable(address by) internal returns (uint128 a, uint128 b, uint128 c) {
        vm.prank(address(market));
        return registry.slash(generator, marketId, 0, COMPUTE, PENALTY, requester, by);
    }

    function test_aMissedDeadlineCostsThePenalty() public {
        late();
        vm.expectEmit(address(market));
        emit IProofMarketplace.TaskSlashed(task, generator, slasher, 0, PENALTY, CAP);
        vm.expectEmit(address(market));
        emit IProofMarketplace.PenaltyPaid(task, 0, PENALTY / 10, PENALTY * 9 / 10);
        vm.prank(slasher);
        market.slash(task);

        assertTrue(market.requestOf(task).state == RequestState.Slashed, "state");
        assertEq(market.claimable(requester), CAP, "refund");
        assertEq(registry.claimable(slasher), PENALTY / 10, "bounty");
        assertEq(registry.claimable(treasury), PENALTY * 9 / 10, "treasury");
        (uint256 staked, uint256 locked,) = stakeOf(generator);
        assertEq(staked, 1000 ether - PENALTY, "stake");
        assertEq(locked, 0, "locked");
        (,,, uint32 tasks,) = registry.quoteOf(generator, marketId);
        assertEq(tasks, 0, "tasks");
        vm.expectRevert(IKalypsoErrors.RequestNotAssigned.selector);
        market.slash(task);
    }

    function test_notBeforeTheDeadlineHasPassed() public {
        vm.warp(START + RESPONSE_TIME);
        vm.expectRevert(IKalypsoErrors.DeadlineNotPassed.selector);
        market.slash(task);
        late();
        market.slash(task);
    }

    function test_onlyTasksAreSlashed() public {
        uint256 open = createRequest();
        prove(task);
        late();
        vm.expectRevert(IKalypsoErrors.RequestNotAssigned.selector);
        market.slash(task);
        vm.expectRevert(IKalypsoErrors.RequestNotAssigned.selector);
        market.slash(open);
        vm.expectRevert(IKalypsoErrors.RequestUnknown.selector);
        market.slash(9);
    }

    function test_theRefundGoesWhereTheRequestSays() public {
        RequestParams memory r = requestParams();
        r.refundTo = stranger;
        uint256 id = createRequest(r);
        assign(assignment(id));
        late();
        market.slash(id);
        assertEq(market.claimable(stranger), CAP, "refund");
    }

    // ---- the split

    function test_disputableInputsGiveTheRequesterHalf() public {
        (uint128 toRequester, uint128 toSlasher, uint128 toTreasury) = slashDisputable(slasher);
        assertEq(toRequester, PENALTY / 2, "requester");
        assertEq(toSlasher, PENALTY / 10, "slasher");
        assertEq(toTreasury, PENALTY * 4 / 10, "treasury");
        assertEq(registry.claimable(requester), PENALTY / 2, "requester's claim");
        assertEq(registry.claimable(slasher), PENALTY / 10, "slasher's claim");
        assertEq(registry.claimable(treasury), PENALTY * 4 / 10, "treasury's claim");
    }

    function test_theMarketplaceNamesTheRequesterWhereInputsAreDisputable() public {
        // `disputable` of market 1 lies in its first word, above verifier, activeFrom, maxInputBytes and three bytes
        bytes32 slot = keccak256(abi.encode(marketId, marketsSlot()));
        vm.store(address(market), slot, vm.load(address(market), slot) | bytes32(uint256(1) << 240));
        assertTrue(market.marketOf(marketId).disputable, "disputable");
        late();
        vm.expectEmit(address(market));
        emit IProofMarketplace.PenaltyPaid(task, PENALTY / 2, PENALTY / 10, PENALTY * 4 / 10);
        vm.prank(slasher);
        market.slash(task);
        assertEq(registry.claimable(requester), PENALTY / 2, "requester's claim");
    }

    /// @dev The storage slot of the mapping of markets, found by its market's verifier.
    function marketsSlot() internal view returns (uint256 slot) {
        for (slot = 0; slot < 20; slot++) {
            bytes32 word = vm.load(address(market), keccak256(abi.encode(marketId, slot)));
            if (address(uint160(uint256(word))) == verifier) return slot;
        }
        revert("markets not found");
    }

    function test_theBountyHasACap() public {
        set(registry, "slashBountyMax", 1 ether - 1);
        (, uint128 toSlasher, uint128 toTreasury) = slashDisputable(slasher);
        assertEq(toSlasher, 1 ether - 1, "slasher");
        assertEq(toTreasury, 4 ether + 1, "treasury");
    }

    function test_aGeneratorGetsNoBountyForItself() public {
        uint256 second = createTask();
        late();
        vm.prank(generator);
        market.slash(task);
        vm.prank(rewardAddress);
        market.slash(second);
        assertEq(registry.claimable(generator) + registry.claimable(rewardAddress), 0, "bounty");
        assertEq(registry.claimable(treasury), 2 * uint256(PENALTY), "treasury");
    }

    function testFuzz_thePartsAreThePenalty(uint128 penalty, uint16 requesterBps, uint16 bountyBps, uint128 bountyMax)
        public
    {
        penalty = uint128(bound(penalty, 1, type(uint128).max - 2000 ether));
        requesterBps = uint16(bound(requesterBps, 0, 9000));
        set(registry, "slashBountyBps", 0);
        set(registry, "slashRequesterBps", requesterBps);
        set(registry, "slashBountyBps", bound(bountyBps, 0, 10_000 - requesterBps));
        set(registry, "slashBountyMax", bountyMax);
        addStake(generator, penalty);
        vm.startPrank(address(market));
        registry.lock(generator, marketId, PRICE, RESPONSE_TIME, penalty);
        (uint128 toRequester, uint128 toSlasher, uint128 toTreasury) =
            registry.slash(generator, marketId, 0, COMPUTE, penalty, requester, slasher);
        vm.stopPrank();
        assertEq(uint256(toRequester) + toSlasher + toTreasury, penalty, "sum");
        assertEq(toRequester, uint256(penalty) * requesterBps / 10_000, "requester");
        assertLe(toSlasher, bountyMax, "cap");
    }

    // ---- stake

    function test_aSlashReachesStakeUnderNotice() public {
        vm.prank(generator);
        registry.requestUnstake(1000 ether);
        late();
        market.slash(task);
        (uint256 staked,, uint256 unstaking) = stakeOf(generator);
        assertEq(staked, 1000 ether - PENALTY, "stake");
        assertEq(unstaking, 1000 ether - PENALTY, "unstaking");
        vm.warp(block.timestamp + 7 days);
        vm.prank(generator);
        registry.unstake();
        assertEq(stakeToken.balanceOf(generator), 1000 ether - PENALTY, "paid");
    }

    function test_aSlashLeavesSmallerNoticesAlone() public {
        vm.prank(generator);
        registry.requestUnstake(5 ether);
        late();
        market.slash(task);
        (,, uint256 unstaking) = stakeOf(generator);
        assertEq(unstaking, 5 ether, "unstaking");
    }

    // ---- batches

    function test_aBatchOfSlashesSkipsWhatItMust() public {
        uint256 open = createRequest();
        uint256[] memory ids = list(task, open, task);
        late();
        vm.expectEmit(address(market));
        emit IProofMarketplace.SlashSkipped(open, IKalypsoErrors.RequestNotAssigned.selector);
        vm.prank(slasher);
        bytes4[] memory reasons = market.slashMany(ids);
        assertReason(reasons[0], 0);
        assertReason(reasons[1], IKalypsoErrors.RequestNotAssigned.selector);
        assertReason(reasons[2], IKalypsoErrors.RequestNotAssigned.selector);
        assertEq(registry.claimable(slasher), PENALTY / 10, "bounty");
    }

    function test_claimsOfStakeTokensAreWithdrawn() public {
        late();
        vm.prank(slasher);
        market.slash(task);
        registry.withdraw(slasher);
        assertEq(stakeToken.balanceOf(slasher), PENALTY / 10, "paid");
        vm.expectRevert(IKalypsoErrors.NothingDue.selector);
        registry.withdraw(slasher);
    }
}
