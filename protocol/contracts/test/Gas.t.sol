// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {vm} from "../script/Vm.sol";
import {Assignment, Decision, MarketParams, RequestParams} from "../src/interfaces/IProofMarketplace.sol";
import {Groth16ProofVerifier} from "../src/verifiers/Groth16ProofVerifier.sol";
import {FactorsVerifier} from "./fixtures/FactorsVerifier.sol";
import {Base} from "./utils/Base.sol";

/// @title What transactions cost: as a node charges them, behind the proxies, base cost and call data included.
/// @notice Each test makes one transaction and records its gas, divided by its items; gas.sh publishes the figures.
/// Inputs are 64 bytes, proofs 256 bytes without zeros. The verifier is one that says yes and costs next to nothing;
/// its call is included. Payers have an unlimited allowance, and whoever is credited holds a balance already.
/// forge-config: default.isolate = true
contract GasTest is Base {
    uint256 private constant MANY = 32;

    bytes private _proof;
    uint256 private _groth16Market;
    uint256[] private _open;
    uint256[] private _ownTasks; // of `generator`
    uint256[] private _tasks; // each of another generator
    Assignment[] private _matches; // each of another generator
    uint256 private _realTask;

    function setUp() public override {
        super.setUp();
        string memory json = vm.readFile("test/fixtures/factors.json");
        inputs = vm.parseJsonBytes(json, ".inputs");
        _proof = vm.parseJsonBytes(json, ".proof");
        fund(stranger);
        stakeToken.mint(address(this), 1 ether);

        // everybody holds a balance, every counter and bitmap word is in use
        giveBalance(generator, rewardAddress);
        uint256 late = createTask();
        vm.warp(block.timestamp + RESPONSE_TIME + 1);
        vm.prank(slasher);
        market.slash(late);
        vm.prank(requester);
        market.useNonce(1);

        for (uint256 i = 0; i < MANY; i++) {
            address who = address(uint160(0x10000 + i));
            address reward = address(uint160(0x20000 + i));
            addGenerator(who, reward, 1000 ether, 1000);
            join(who, PRICE, RESPONSE_TIME, COMPUTE);
            giveBalance(who, reward);
            _open.push(createRequest());
            _matches.push(Assignment(createRequest(), who, PRICE, RESPONSE_TIME, ""));
            if (i >= 16) continue;
            _ownTasks.push(createTask());
            _tasks.push(createRequest());
            assertReason(assign(Assignment(_tasks[i], who, PRICE, RESPONSE_TIME, "")), 0);
        }
        makeRealTask();
    }

    /// @dev Pays the reward address, and the requester a refund, for a task.
    function giveBalance(address who, address reward) internal {
        uint256 id = createRequest();
        assertReason(assign(Assignment(id, who, PRICE, RESPONSE_TIME, "")), 0);
        prove(id);
        assertEq(market.claimable(reward), PRICE, "balance");
    }

    function makeRealTask() internal {
        address exported = address(new FactorsVerifier());
        uint256 simple = marketId;
        marketId = createMarket(address(new Groth16ProofVerifier(exported, 2, inputs, _proof)));
        join(generator, PRICE, RESPONSE_TIME, COMPUTE);
        _realTask = createTask();
        marketId = simple;
    }

    function record(string memory name, uint256 items) internal {
        vm.snapshotValue("gas", name, vm.lastCallGas().gasTotalUsed / items);
    }

    /// @dev Also fails when a transaction costs more than it is meant to.
    function record(string memory name, uint256 items, uint256 most) internal {
        record(name, items);
        assertLe(vm.lastCallGas().gasTotalUsed / items, most, name);
    }

    function first(uint256[] storage from, uint256 count) internal view returns (uint256[] memory ids) {
        ids = new uint256[](count);
        for (uint256 i = 0; i < count; i++) {
            ids[i] = from[i];
        }
    }

    // ---- requests

    function test_create() public {
        createRequest();
        record("create", 1, 140_000);
    }

    function test_create_16() public {
        RequestParams[] memory r = new RequestParams[](16);
        for (uint256 i = 0; i < 16; i++) {
            r[i] = requestParams();
        }
        vm.prank(requester);
        market.createRequests(r, repeat(inputs, 16), repeat("", 16), repeat("", 16));
        record("create_16", 16, 90_000);
    }

    function test_create_for() public {
        RequestParams memory r = requestParams();
        bytes memory signature =
            signDigest(REQUESTER_KEY, createRequestDigest(address(market), requester, r, inputs, 2));
        vm.prank(stranger);
        market.createRequestFor(requester, r, inputs, "", "", 2, signature);
        record("create_for", 1);
    }

    function test_cancel() public {
        vm.prank(requester);
        market.cancelRequest(_open[0]);
        record("cancel", 1);
    }

    function test_cancel_16() public {
        vm.prank(requester);
        market.cancelRequests(first(_open, 16));
        record("cancel_16", 16);
    }

    // ---- tasks

    function publish(Assignment[] memory a) internal {
        Decision memory d = decision();
        bytes memory signature = signAssignments(ENGINE_KEY, address(market), a, d);
        market.assignTasks(a, d, signature);
    }

    function test_assign() public {
        publish(list(_matches[0]));
        record("assign", 1);
    }

    function test_assign_32() public {
        publish(_matches);
        record("assign_32", 32, 75_000);
    }

    function test_assign_32_one_generator() public {
        Assignment[] memory a = new Assignment[](32);
        for (uint256 i = 0; i < 32; i++) {
            a[i] = assignment(_open[i]);
        }
        publish(a);
        record("assign_32_one_generator", 32);
    }

    function test_prove() public {
        market.submitProof(_ownTasks[0], inputs, _proof);
        record("prove", 1, 95_000);
    }

    function test_prove_groth16() public {
        market.submitProof(_realTask, inputs, _proof);
        record("prove_groth16", 1);
    }

    function test_prove_16() public {
        market.submitProofs(first(_ownTasks, 16), repeat(inputs, 16), repeat(_proof, 16));
        record("prove_16", 16, 55_000);
    }

    function test_prove_16_generators() public {
        market.submitProofs(first(_tasks, 16), repeat(inputs, 16), repeat(_proof, 16));
        record("prove_16_generators", 16, 55_000);
    }

    function test_slash() public {
        vm.warp(block.timestamp + RESPONSE_TIME + 1);
        vm.prank(slasher);
        market.slash(_tasks[0]);
        record("slash", 1);
    }

    function test_slash_16() public {
        vm.warp(block.timestamp + RESPONSE_TIME + 1);
        vm.prank(slasher);
        market.slashMany(first(_tasks, 16));
        record("slash_16", 16);
    }

    // ---- the rest

    function test_withdraw() public {
        market.withdraw(requester);
        record("withdraw", 1);
    }

    function test_create_market() public {
        MarketParams memory p = marketParams(verifier);
        market.createMarket(p);
        record("create_market", 1);
    }

    function test_register() public {
        vm.prank(stranger);
        registry.register(stranger, 100, "metadata");
        record("register", 1);
    }

    function test_stake() public {
        stakeToken.approve(address(registry), type(uint256).max);
        registry.stake(generator, 1 ether);
        record("stake", 1);
    }

    function test_join_market() public {
        vm.prank(address(0x10000));
        registry.joinMarket(marketId + 1, PRICE, RESPONSE_TIME, COMPUTE);
        record("join_market", 1);
    }

    function test_update_quote() public {
        vm.prank(generator);
        registry.updateQuote(marketId, PRICE + 1, RESPONSE_TIME, COMPUTE);
        record("update_quote", 1);
    }

    function test_leave_market() public {
        vm.prank(generator);
        registry.leaveMarket(marketId);
        record("leave_market", 1);
    }

    function test_request_unstake() public {
        vm.prank(generator);
        registry.requestUnstake(1 ether);
        record("request_unstake", 1);
    }
}
