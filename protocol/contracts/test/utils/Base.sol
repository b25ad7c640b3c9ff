// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Deployment, Plan} from "../../script/Deployment.sol";
import {vm} from "../../script/Vm.sol";
import {CoreAddresses} from "../../src/interfaces/ICore.sol";
import {IEntityKeyRegistry} from "../../src/interfaces/IEntityKeyRegistry.sol";
import {IGeneratorRegistry} from "../../src/interfaces/IGeneratorRegistry.sol";
import {
    Assignment,
    Decision,
    IProofMarketplace,
    MarketParams,
    Preference,
    Protocol,
    RequestParams
} from "../../src/interfaces/IProofMarketplace.sol";
import {ISettings} from "../../src/interfaces/ISettings.sol";
import {PaymentToken} from "../../src/tokens/PaymentToken.sol";
import {StakeToken} from "../../src/tokens/StakeToken.sol";
import {Assert} from "./Assert.sol";
import {Signer} from "./Signer.sol";
import {YesVerifier} from "./Verifiers.sol";

/// @title A deployed system with one market, one requester and one generator, and short ways to use it.
abstract contract Base is Assert, Signer, Deployment {
    uint256 internal constant ENGINE_KEY = 0xe1;
    uint256 internal constant REQUESTER_KEY = 0xa1;
    uint256 internal constant START = 1_800_000_000;
    uint128 internal constant PENALTY = 10 ether;
    uint128 internal constant CAP = 5e6;
    uint128 internal constant PRICE = 3e6;
    uint32 internal constant RESPONSE_TIME = 60;
    uint64 internal constant COMPUTE = 1;

    address internal admin = makeAddress("admin");
    address internal governor = makeAddress("governor");
    address internal guardian = makeAddress("guardian");
    address internal treasury = makeAddress("treasury");
    address internal requester = vm.addr(REQUESTER_KEY);
    address internal generator = makeAddress("generator");
    address internal rewardAddress = makeAddress("reward");
    address internal marketOwner = makeAddress("market owner");
    address internal stranger = makeAddress("stranger");
    address internal slasher = makeAddress("slasher");
    address internal engine = vm.addr(ENGINE_KEY);

    PaymentToken internal paymentToken;
    StakeToken internal stakeToken;
    IProofMarketplace internal market;
    IGeneratorRegistry internal registry;
    IEntityKeyRegistry internal keys;
    address internal verifier;
    uint256 internal marketId;
    uint64 internal nextBatch = 1;
    bytes internal inputs = abi.encode(uint256(33), uint256(14));

    function setUp() public virtual {
        deploySystem(new PaymentToken(), new StakeToken());
    }

    function deploySystem(PaymentToken payment, StakeToken staking) internal {
        vm.warp(START);
        vm.roll(1000);
        (paymentToken, stakeToken) = (payment, staking);
        CoreAddresses memory a = deployCore(
            address(this),
            Plan({
                admin: admin,
                governor: governor,
                guardian: guardian,
                treasury: treasury,
                paymentToken: address(paymentToken),
                stakeToken: address(stakeToken),
                activationDelay: 0,
                checksBranch: true
            })
        );
        market = IProofMarketplace(a.marketplace);
        registry = IGeneratorRegistry(a.registry);
        keys = IEntityKeyRegistry(a.keyRegistry);
        vm.prank(governor);
        keys.setEngineKey(engine, "", 0, type(uint64).max);

        verifier = address(new YesVerifier());
        marketId = createMarket(verifier);
        fund(requester);
        addGenerator(generator, rewardAddress, 1000 ether, 1000);
        join(generator, PRICE, RESPONSE_TIME, COMPUTE);
    }

    // ---- people

    function makeAddress(string memory name) internal returns (address account) {
        account = vm.addr(uint256(keccak256(bytes(name))));
        vm.label(account, name);
    }

    /// @dev Payment tokens, approved for the marketplace.
    function fund(address account) internal {
        paymentToken.mint(account, 1e18);
        vm.prank(account);
        paymentToken.approve(address(market), type(uint256).max);
    }

    function addGenerator(address who, address reward, uint256 amount, uint64 compute) internal {
        vm.prank(who);
        registry.register(reward, compute, "metadata");
        addStake(who, amount);
    }

    function addStake(address who, uint256 amount) internal {
        stakeToken.mint(address(this), amount);
        stakeToken.approve(address(registry), amount);
        registry.stake(who, amount);
    }

    function join(address who, uint128 price, uint32 responseTime, uint64 compute) internal {
        vm.prank(who);
        registry.joinMarket(marketId, price, responseTime, compute);
    }

    // ---- governance

    function set(ISettings target, bytes32 name, uint256 value) internal {
        vm.prank(governor);
        target.setSetting(name, value);
    }

    // ---- markets

    function marketParams(address v) internal pure returns (MarketParams memory p) {
        p.verifier = v;
        p.penalty = PENALTY;
        p.maxInputBytes = 1024;
        p.protocol = Protocol.OrderBook;
        p.metadata = '{"name":"test"}';
    }

    function createMarket(address v) internal returns (uint256) {
        vm.prank(marketOwner);
        return market.createMarket(marketParams(v));
    }

    // ---- requests

    function requestParams() internal view returns (RequestParams memory r) {
        r.marketId = marketId;
        r.maxPrice = CAP;
        r.maxResponseTime = 100;
        r.expiry = uint64(block.timestamp + 1 hours);
        r.preference = Preference.Cheapest;
    }

    function createRequest() internal returns (uint256) {
        return createRequest(requestParams());
    }

    function createRequest(RequestParams memory r) internal returns (uint256) {
        vm.prank(requester);
        return market.createRequest(r, inputs, "", "");
    }

    // ---- tasks

    function assignment(uint256 requestId) internal view returns (Assignment memory) {
        return Assignment(requestId, generator, PRICE, RESPONSE_TIME, "");
    }

    /// @dev A decision on the last block, with the next batch number.
    function decision() internal returns (Decision memory) {
        return Decision(
            nextBatch++, uint64(block.number - 1), blockhash(block.number - 1), uint64(block.timestamp + 30), "root"
        );
    }

    function assign(Assignment[] memory a) internal returns (bytes4[] memory) {
        Decision memory d = decision();
        return market.assignTasks(a, d, signAssignments(ENGINE_KEY, address(market), a, d));
    }

    /// @dev Assigns alone; 0 or the reason.
    function assign(Assignment memory a) internal returns (bytes4) {
        return assign(list(a))[0];
    }

    /// @dev A request that is assigned to the generator.
    function createTask() internal returns (uint256 requestId) {
        requestId = createRequest();
        assertReason(assign(assignment(requestId)), 0);
    }

    function prove(uint256 requestId) internal {
        market.submitProof(requestId, inputs, "proof");
    }

    // ---- lists

    function list(Assignment memory a) internal pure returns (Assignment[] memory l) {
        l = new Assignment[](1);
        l[0] = a;
    }

    function list(uint256 id) internal pure returns (uint256[] memory l) {
        l = new uint256[](1);
        l[0] = id;
    }

    function list(uint256 a, uint256 b, uint256 c) internal pure returns (uint256[] memory l) {
        l = new uint256[](3);
        (l[0], l[1], l[2]) = (a, b, c);
    }

    function repeat(bytes memory item, uint256 count) internal pure returns (bytes[] memory l) {
        l = new bytes[](count);
        for (uint256 i = 0; i < count; i++) {
            l[i] = item;
        }
    }
}
