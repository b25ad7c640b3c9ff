// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {vm} from "../../script/Vm.sol";
import {Vm} from "../../script/Vm.sol";
import {
    Assignment,
    Decision,
    IProofMarketplace,
    Preference,
    RequestParams,
    RequestState
} from "../../src/interfaces/IProofMarketplace.sol";
import {ISettings} from "../../src/interfaces/ISettings.sol";
import {Base} from "./Base.sol";
import {Replica} from "./Replica.sol";
import {PickyVerifier} from "./Verifiers.sol";

/// @title Random histories: few people doing everything that can be done, in any order, well and badly.
/// @notice `step(seed)` does one thing. Calls may revert; that is part of it. Each step's logs go to the replica.
contract History is Base {
    uint256 private constant PEOPLE = 5;
    uint256 private constant MAX_MARKETS = 4;

    Replica public replica;
    uint256 private _random;
    uint256 private _nonce;

    function setUp() public override {
        vm.recordLogs();
        super.setUp();
        replica = new Replica(address(market), address(registry), address(keys));
        verifier = address(new PickyVerifier());
        marketId = createMarket(verifier);
        join(generator, 4, RESPONSE_TIME, COMPUTE);
        for (uint256 i = 0; i < PEOPLE; i++) {
            fund(vm.addr(key(i)));
            stakeToken.mint(vm.addr(key(i)), 1e30);
            vm.prank(vm.addr(key(i)));
            stakeToken.approve(address(registry), type(uint256).max);
            addGenerator(vm.addr(key(i)), vm.addr(key(i)), 300 ether, 40);
            join(vm.addr(key(i)), uint128(i + 1), RESPONSE_TIME, COMPUTE);
        }
        replica.apply_(vm.getRecordedLogs());
    }

    function step(uint256 seed) public {
        vm.recordLogs();
        _random = seed;
        uint256 what = random(100);
        if (what < 22) request();
        else if (what < 42) assignSome();
        else if (what < 52) proveSome();
        else if (what < 58) slashSome();
        else if (what < 63) cancelSome();
        else if (what < 80) generate();
        else if (what < 88) withdrawSome();
        else if (what < 92) pass();
        else if (what < 97) govern();
        else ownMarkets();
        replica.apply_(vm.getRecordedLogs());
    }

    // ---- chance

    function random(uint256 below) internal returns (uint256) {
        _random = uint256(keccak256(abi.encode(_random)));
        return _random % below;
    }

    function key(uint256 i) internal pure returns (uint256) {
        return 0x1000 + i;
    }

    function somebody() internal returns (address) {
        return vm.addr(key(random(PEOPLE)));
    }

    function someMarket() internal returns (uint256) {
        return 1 + random(market.marketCount() + (random(10) == 0 ? 1 : 0));
    }

    /// @dev Mostly one of the last, in the state in which something may happen to it.
    function someRequest(RequestState state) internal returns (uint256 id) {
        uint256 count = market.requestCount();
        if (random(8) == 0) return random(count + 2);
        for (uint256 i = 0; i < 10 && i < count; i++) {
            id = count - random(count < 30 ? count : 30);
            if (market.requestOf(id).state == state) return id;
        }
    }

    /// @dev A call that may revert; forge records the logs of those too, so they are dropped.
    function attempt(address by, address target, bytes memory call) internal {
        vm.prank(by);
        (bool done,) = target.call(call);
        if (!done) vm.getRecordedLogs();
    }

    // ---- what requesters do

    function randomParams() internal returns (RequestParams memory r) {
        r.marketId = someMarket();
        r.maxPrice = uint128(1 + random(20));
        r.maxResponseTime = uint32(30 + random(200));
        r.expiry = uint64(block.timestamp + 1 + random(random(2) == 0 ? 200 : 3000));
        r.preference = Preference(random(2));
        if (random(4) == 0) r.refundTo = somebody();
        r.spread = uint64(random(3));
    }

    function someInputs() internal returns (bytes memory) {
        return abi.encode(random(3));
    }

    function request() internal {
        uint256 how = random(4);
        if (how == 0) return requestMany();
        uint256 signer = key(random(PEOPLE));
        RequestParams memory r = randomParams();
        inputs = someInputs();
        if (how > 1) {
            attempt(vm.addr(signer), address(market), abi.encodeCall(market.createRequest, (r, inputs, "", "")));
            return;
        }
        uint256 nonce = random(3) == 0 ? random(20) : _nonce++;
        bytes memory signature =
            signDigest(signer, createRequestDigest(address(market), vm.addr(signer), r, inputs, nonce));
        attempt(
            somebody(),
            address(market),
            abi.encodeCall(market.createRequestFor, (vm.addr(signer), r, inputs, "", "", nonce, signature))
        );
    }

    function requestMany() internal {
        uint256 count = random(5);
        RequestParams[] memory r = new RequestParams[](count);
        bytes[] memory ins = new bytes[](count);
        for (uint256 i = 0; i < count; i++) {
            (r[i], ins[i]) = (randomParams(), someInputs());
        }
        attempt(
            somebody(),
            address(market),
            abi.encodeCall(market.createRequests, (r, ins, repeat("", count), repeat("", count)))
        );
    }

    function cancelSome() internal {
        uint256 how = random(4);
        if (how == 0) {
            uint256 id = someRequest(RequestState.Open);
            bytes memory signature =
                signDigest(key(random(PEOPLE)), cancelRequestDigest(address(market), id, abi.encode(random(3))));
            attempt(somebody(), address(market), abi.encodeCall(market.cancelRequestFor, (id, signature)));
        } else if (how == 1) {
            attempt(somebody(), address(market), abi.encodeCall(market.useNonce, (random(30))));
        } else {
            attempt(somebody(), address(market), abi.encodeCall(market.cancelRequests, (someIds(RequestState.Open))));
        }
    }

    function someIds(RequestState state) public returns (uint256[] memory ids) {
        ids = new uint256[](1 + random(6));
        for (uint256 i = 0; i < ids.length; i++) {
            ids[i] = someRequest(state);
        }
    }

    // ---- what the engine, listeners and slashers do

    function someAssignments() public returns (Assignment[] memory a) {
        a = new Assignment[](1 + random(8));
        for (uint256 i = 0; i < a.length; i++) {
            uint256 id = someRequest(RequestState.Open);
            address who = somebody();
            (uint128 price, uint32 responseTime,,, bool active) = registry.quoteOf(who, market.requestOf(id).marketId);
            for (uint256 j = 0; j < 5 && (!active || price > market.requestOf(id).maxPrice); j++) {
                who = j == 4 ? generator : somebody();
                (price, responseTime,,, active) = registry.quoteOf(who, market.requestOf(id).marketId);
            }
            if (random(12) == 0) price++;
            a[i] = Assignment(id, who, price, responseTime, random(3) == 0 ? bytes("acl") : bytes(""));
        }
    }

    function assignSome() internal {
        Assignment[] memory a = someAssignments();
        Decision memory d = decision();
        if (random(10) == 0) d.batch -= 1;
        uint256 by = random(15) == 0 ? key(0) : ENGINE_KEY;
        bytes memory signature = signAssignments(by, address(market), a, d);
        attempt(somebody(), address(market), abi.encodeCall(market.assignTasks, (a, d, signature)));
    }

    /// @dev Tasks, with their inputs or others, and a proof that may be wrong.
    function someProofs() public returns (uint256[] memory ids, bytes[] memory ins, bytes[] memory proofs) {
        ids = someIds(RequestState.Assigned);
        (ins, proofs) = (new bytes[](ids.length), repeat("proof", ids.length));
        for (uint256 i = 0; i < ids.length; i++) {
            bytes32 hash = market.requestOf(ids[i]).inputsHash;
            for (uint256 x = 0; x < 3; x++) {
                if (keccak256(abi.encode(x)) == hash) ins[i] = abi.encode(x);
            }
            if (random(10) == 0) ins[i] = "other";
            if (random(10) == 0) proofs[i] = "wrong";
        }
    }

    function proveSome() internal {
        (uint256[] memory ids, bytes[] memory ins, bytes[] memory proofs) = someProofs();
        attempt(somebody(), address(market), abi.encodeCall(market.submitProofs, (ids, ins, proofs)));
    }

    function slashSome() internal {
        vm.warp(block.timestamp + random(60));
        attempt(somebody(), address(market), abi.encodeCall(market.slashMany, (someIds(RequestState.Assigned))));
    }

    // ---- what generators do

    function generate() internal {
        address who = somebody();
        uint256 what = random(14);
        bytes memory call;
        if (what < 2) call = abi.encodeCall(registry.register, (somebody(), uint64(random(20)), "metadata"));
        else if (what < 4) call = abi.encodeCall(registry.stake, (somebody(), random(200 ether)));
        else if (what == 4) call = abi.encodeCall(registry.requestUnstake, (random(50 ether)));
        else if (what == 5) call = abi.encodeCall(registry.unstake, ());
        else if (what == 6) call = abi.encodeCall(registry.setCompute, (uint64(random(20))));
        else if (what < 10) call = quoteCall(registry.joinMarket.selector);
        else if (what == 10) call = quoteCall(registry.updateQuote.selector);
        else if (what == 11) call = abi.encodeCall(registry.leaveMarket, (someMarket()));
        else if (what == 12) call = abi.encodeCall(registry.setRewardAddress, (somebody()));
        else call = abi.encodeCall(registry.deregister, ());
        attempt(who, address(registry), call);
    }

    function quoteCall(bytes4 selector) internal returns (bytes memory) {
        return abi.encodeWithSelector(selector, someMarket(), random(15), 10 + random(90), random(4));
    }

    // ---- what anyone does

    function withdrawSome() internal {
        address account = random(6) == 0 ? treasury : somebody();
        address from = random(2) == 0 ? address(market) : address(registry);
        attempt(somebody(), from, abi.encodeCall(market.withdraw, (account)));
    }

    function pass() internal {
        uint256 how = random(20);
        uint256 time = how == 0 ? 8 days : how < 4 ? random(2000) : random(60);
        vm.warp(block.timestamp + time);
        vm.roll(block.number + 1 + time / 12);
    }

    // ---- what governance and market owners do

    function govern() internal {
        uint256 what = random(12);
        if (what == 0) attempt(guardian, address(market), abi.encodeCall(market.pause, ()));
        else if (market.paused()) attempt(guardian, address(market), abi.encodeCall(market.unpause, ()));
        else if (what == 4) setOne(market, "feePerByte", random(3));
        else if (what == 5) setOne(market, "creationFee", random(100));
        else if (what == 6) setOne(registry, "quoteGrace", random(300));
        else if (what == 7) setOne(registry, "slashRequesterBps", random(10_001));
        else if (what == 8) setOne(registry, "slashBountyMax", random(2 ether));
        else if (what == 9) setOne(random(2) == 0 ? ISettings(market) : registry, "treasury", uint160(somebody()));
        else if (what == 10) attempt(guardian, address(keys), abi.encodeCall(keys.revokeImage, (bytes32(random(9)))));
        else engineKeys();
    }

    function setOne(ISettings target, bytes32 name, uint256 value) internal {
        attempt(governor, address(target), abi.encodeCall(target.setSetting, (name, value)));
    }

    /// @dev Never the key that decides here: that would end all assignments.
    function engineKeys() internal {
        if (random(6) == 0) {
            attempt(guardian, address(keys), abi.encodeCall(keys.revokeKey, (somebody())));
            return;
        }
        bytes memory encryptionKey = random(3) == 0 ? bytes("") : bytes.concat(hex"02", bytes32(random(99)));
        uint64 from = uint64(block.timestamp + random(500));
        uint64 until = uint64(block.timestamp + random(1000));
        attempt(governor, address(keys), abi.encodeCall(keys.setEngineKey, (somebody(), encryptionKey, from, until)));
    }

    function ownMarkets() internal {
        uint256 what = random(6);
        if (what == 0) {
            attempt(somebody(), address(market), abi.encodeCall(market.setMarketOwner, (someMarket(), somebody())));
        } else if (what == 1) {
            attempt(somebody(), address(market), abi.encodeCall(market.closeMarket, (someMarket())));
        } else if (market.marketCount() < MAX_MARKETS) {
            attempt(somebody(), address(market), abi.encodeCall(market.createMarket, (marketParams(verifier))));
        }
    }

    // ---- what always holds

    /// @dev Each contract holds exactly what it owes: caps of open and assigned requests and claims; stake and claims.
    function checkMoney() public view {
        uint256 payment = 0;
        for (uint256 id = market.requestCount(); id > 0; id--) {
            RequestState state = market.requestOf(id).state;
            if (state == RequestState.Open || state == RequestState.Assigned) payment += market.requestOf(id).maxPrice;
        }
        uint256 staked = 0;
        for (uint256 i = 0; i < PEOPLE + 3; i++) {
            address[3] memory others = [generator, rewardAddress, treasury];
            address who = i < PEOPLE ? vm.addr(key(i)) : others[i - PEOPLE];
            (, uint256 stake,,,,) = registry.generatorOf(who);
            staked += stake + registry.claimable(who);
            payment += market.claimable(who);
        }
        assertEq(paymentToken.balanceOf(address(market)), payment, "payment tokens");
        assertEq(stakeToken.balanceOf(address(registry)), staked, "stake tokens");
    }

    /// @dev Per generator: locked is the sum of its tasks' penalties, used compute that of their compute.
    function checkLocks() public view {
        for (uint256 i = 0; i <= PEOPLE; i++) {
            address who = i == PEOPLE ? generator : vm.addr(key(i));
            (, uint256 stake, uint256 locked, uint256 unstaking,, uint64 used) = registry.generatorOf(who);
            uint256 penalties = 0;
            uint256 compute = 0;
            uint256[] memory tasks = new uint256[](market.marketCount() + 1);
            for (uint256 id = market.requestCount(); id > 0; id--) {
                if (market.requestOf(id).state != RequestState.Assigned) continue;
                if (market.requestOf(id).generator != who) continue;
                penalties += market.marketOf(market.requestOf(id).marketId).penalty;
                compute += market.requestOf(id).compute;
                tasks[market.requestOf(id).marketId]++;
            }
            assertEq(locked, penalties, "locked");
            assertEq(used, compute, "computeUsed");
            assertLe(locked, stake, "locked stake is there");
            assertLe(unstaking, stake, "stake under notice is there");
            for (uint256 m = 1; m < tasks.length; m++) {
                (,,, uint32 active,) = registry.quoteOf(who, m);
                assertEq(active, tasks[m], "activeTasks");
                assertLe(active, 100, "task limit");
            }
        }
    }
}
