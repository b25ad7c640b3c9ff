// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {vm} from "../script/Vm.sol";
import {PaymentToken} from "../src/tokens/PaymentToken.sol";
import {StakeToken} from "../src/tokens/StakeToken.sol";
import {Base} from "./utils/Base.sol";
import {CallbackToken} from "./utils/Tokens.sol";

/// @title Tokens that call back aren't supported; should one be used all the same, it gains nothing by it.
contract ReentrancyTest is Base {
    CallbackToken internal payment;
    CallbackToken internal staking;

    function setUp() public override {
        payment = new CallbackToken();
        staking = new CallbackToken();
        // with the same `mint`, so that Base can use them
        deploySystem(PaymentToken(address(payment)), StakeToken(address(staking)));
    }

    function assertRefused(CallbackToken token) internal view {
        assertTrue(!token.done(), "the call back was refused");
        assertReason(bytes4(token.answer()), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
    }

    function test_noWithdrawalWithinAWithdrawal() public {
        uint256 id = createRequest();
        createRequest(); // somebody else's escrow, to steal from
        vm.prank(requester);
        market.cancelRequest(id);
        payment.callBack(address(market), abi.encodeCall(market.withdraw, (requester)));
        uint256 before = payment.balanceOf(requester);
        market.withdraw(requester);
        assertRefused(payment);
        assertEq(payment.balanceOf(requester) - before, CAP, "paid once");
        assertEq(payment.balanceOf(address(market)), CAP, "the rest is there");
    }

    function test_noRequestWithinARequest() public {
        bytes memory call = abi.encodeCall(market.createRequest, (requestParams(), inputs, "", ""));
        payment.callBack(address(market), call);
        createRequest();
        assertRefused(payment);
        assertEq(market.requestCount(), 1, "count");
    }

    function test_noUnstakingWithinUnstaking() public {
        vm.prank(generator);
        registry.requestUnstake(600 ether);
        vm.warp(START + 7 days);
        staking.callBack(address(registry), abi.encodeCall(registry.unstake, ()));
        vm.prank(generator);
        registry.unstake();
        assertRefused(staking);
        assertEq(staking.balanceOf(generator), 600 ether, "paid once");
        assertEq(staking.balanceOf(address(registry)), 400 ether, "the rest is there");
    }

    function test_noStakingWithinStaking() public {
        staking.mint(address(this), 5);
        staking.approve(address(registry), 5);
        staking.callBack(address(registry), abi.encodeCall(registry.stake, (generator, 1)));
        registry.stake(generator, 5);
        assertRefused(staking);
    }

    /// @notice Calls that move no tokens aren't guarded: everything was settled before the token was called.
    function test_aCallBackFindsASettledState() public {
        uint256 task = createTask();
        payment.callBack(address(market), abi.encodeCall(market.submitProof, (task, inputs, "proof")));
        createRequest();
        assertTrue(payment.done(), "proven");
        assertEq(market.claimable(rewardAddress), PRICE, "paid");
        assertEq(payment.balanceOf(address(market)), 2 * CAP, "one cap open, one claimable");
    }
}
