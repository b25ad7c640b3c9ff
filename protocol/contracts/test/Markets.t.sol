// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {PausableUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/PausableUpgradeable.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {vm} from "../script/Vm.sol";
import {IKalypsoErrors} from "../src/interfaces/IKalypsoErrors.sol";
import {
    IProofMarketplace,
    MarketParams,
    MarketView,
    Protocol,
    RequestParams,
    RequestState
} from "../src/interfaces/IProofMarketplace.sol";
import {ISettings} from "../src/interfaces/ISettings.sol";
import {Base} from "./utils/Base.sol";
import {Answer, MaliciousVerifier} from "./utils/Verifiers.sol";

contract MarketsTest is Base {
    MarketParams internal p;

    function setUp() public override {
        super.setUp();
        p = marketParams(verifier);
    }

    function expectRefused(bytes4 reason) internal {
        vm.expectRevert(reason);
        market.createMarket(p);
    }

    // ---- making

    function test_aMarketRemembersWhatItWasMadeOf() public {
        p.maxInputBytes = 32 * 1024;
        vm.expectEmit(address(market));
        emit IProofMarketplace.MarketCreated(2, stranger, p, 0, uint64(START));
        vm.prank(stranger);
        uint256 id = market.createMarket(p);

        MarketView memory m = market.marketOf(id);
        assertEq(m.owner, stranger, "owner");
        assertEq(m.verifier, verifier, "verifier");
        assertEq(m.penalty, PENALTY, "penalty");
        assertEq(m.maxInputBytes, 32 * 1024, "maxInputBytes");
        assertTrue(m.protocol == Protocol.OrderBook, "protocol");
        assertEq(m.activeFrom, START, "activeFrom");
        assertTrue(!m.closed && !m.confidential && !m.disputable, "flags");
        assertEq(market.marketCount(), 2, "count");
    }

    function test_anUnknownMarketIsAllZero() public view {
        assertEq(keccak256(abi.encode(market.marketOf(9))), keccak256(new bytes(10 * 32)), "view");
    }

    function test_aMarketNeedsAVerifierThatAcceptsItsSample() public {
        MaliciousVerifier v = new MaliciousVerifier(market);
        v.set(Answer.No);
        p.verifier = address(v);
        expectRefused(IKalypsoErrors.SampleRejected.selector);
        p.verifier = stranger;
        expectRefused(IKalypsoErrors.SampleRejected.selector);
        p.verifier = address(0);
        expectRefused(IKalypsoErrors.SampleRejected.selector);
    }

    function test_aMarketNeedsAPenalty() public {
        p.penalty = 0;
        expectRefused(IKalypsoErrors.ZeroPenalty.selector);
    }

    function test_inputsAreAtMost32KiB() public {
        p.maxInputBytes = 32 * 1024 + 1;
        expectRefused(IKalypsoErrors.InputsTooLong.selector);
    }

    function test_metadataIsOneTo4096Bytes() public {
        p.metadata = "";
        expectRefused(IKalypsoErrors.MetadataLength.selector);
        p.metadata = new bytes(4097);
        expectRefused(IKalypsoErrors.MetadataLength.selector);
        p.metadata = new bytes(4096);
        market.createMarket(p);
    }

    function test_onlySealedBidsHaveAnAuctionWindow() public {
        p.auctionWindow = 1;
        expectRefused(IKalypsoErrors.TimeOutOfRange.selector);
    }

    function test_sealedBidsAndImagesAreNotAvailable() public {
        p.protocol = Protocol.SealedBid;
        expectRefused(IKalypsoErrors.NotAvailable.selector);
        p = marketParams(verifier);
        p.proverImages = new bytes32[](1);
        expectRefused(IKalypsoErrors.NotAvailable.selector);
        p = marketParams(verifier);
        p.inputVerifierImages = new bytes32[](1);
        expectRefused(IKalypsoErrors.NotAvailable.selector);
    }

    function test_callsOfLaterPartsRevertByName() public {
        vm.expectRevert(IKalypsoErrors.NotAvailable.selector);
        market.setMarketImage(marketId, "image", 0, true);
        vm.expectRevert(IKalypsoErrors.NotAvailable.selector);
        market.rejectRequests(list(1), "");
        vm.expectRevert(IKalypsoErrors.NotAvailable.selector);
        market.submitInvalidInputs(1, "", "");
        vm.expectRevert(IKalypsoErrors.NotAvailable.selector);
        keys.registerKey(marketId, "", "", "");
        vm.expectRevert(IKalypsoErrors.NotAvailable.selector);
        keys.removeKey(marketId);
    }

    function test_aMarketBecomesActiveAfterTheDelay() public {
        set(market, "activationDelay", 100);
        marketId = createMarket(verifier);
        assertEq(market.marketOf(marketId).activeFrom, START + 100, "activeFrom");
        vm.warp(START + 99);
        RequestParams memory r = requestParams();
        vm.expectRevert(IKalypsoErrors.MarketInactive.selector);
        vm.prank(requester);
        market.createRequest(r, inputs, "", "");
        vm.warp(START + 100);
        createRequest(r);
    }

    function test_theCreationFeeGoesToTheTreasury() public {
        set(market, "creationFee", 7e6);
        fund(stranger);
        vm.expectEmit(address(market));
        emit IProofMarketplace.MarketCreated(2, stranger, p, 7e6, uint64(START));
        vm.prank(stranger);
        market.createMarket(p);
        assertEq(market.claimable(treasury), 7e6, "treasury");
        assertEq(paymentToken.balanceOf(address(market)), 7e6, "balance");
        vm.expectRevert();
        market.createMarket(p);
    }

    // ---- its owner

    function test_theOwnerHandsOverAndTheNewOneCloses() public {
        vm.expectEmit(address(market));
        emit IProofMarketplace.MarketOwnerSet(marketId, stranger);
        vm.prank(marketOwner);
        market.setMarketOwner(marketId, stranger);
        vm.expectRevert(IKalypsoErrors.NotMarketOwner.selector);
        vm.prank(marketOwner);
        market.closeMarket(marketId);

        vm.expectEmit(address(market));
        emit IProofMarketplace.MarketClosed(marketId);
        vm.startPrank(stranger);
        market.closeMarket(marketId);
        vm.expectRevert(IKalypsoErrors.MarketIsClosed.selector);
        market.closeMarket(marketId);
    }

    function test_aFrozenMarketHasNoOwner() public {
        vm.prank(marketOwner);
        market.setMarketOwner(marketId, address(0));
        vm.expectRevert(IKalypsoErrors.NotMarketOwner.selector);
        vm.prank(marketOwner);
        market.setMarketOwner(marketId, marketOwner);
        vm.expectRevert(IKalypsoErrors.NotMarketOwner.selector);
        vm.prank(stranger);
        market.closeMarket(marketId);
        createRequest();
    }

    function test_anUnknownMarketCannotBeClosed() public {
        vm.expectRevert(IKalypsoErrors.MarketUnknown.selector);
        vm.prank(address(0));
        market.closeMarket(9);
    }

    function test_aClosedMarketTakesNoRequestsQuotesOrAssignments() public {
        uint256 open = createRequest();
        uint256 task = createTask();
        vm.prank(marketOwner);
        market.closeMarket(marketId);

        vm.expectRevert(IKalypsoErrors.MarketIsClosed.selector);
        createRequest();
        addGenerator(stranger, stranger, PENALTY, 1);
        vm.expectRevert(IKalypsoErrors.MarketIsClosed.selector);
        vm.prank(stranger);
        registry.joinMarket(marketId, 1, 1, 1);
        assertReason(assign(assignment(open)), IKalypsoErrors.MarketIsClosed.selector);
        // anyone cancels what is open, and tasks go on
        vm.prank(stranger);
        market.cancelRequest(open);
        assertEq(market.claimable(requester), CAP, "refund");
        prove(task);
        assertTrue(market.requestOf(task).state == RequestState.Fulfilled, "fulfilled");
    }

    // ---- pausing

    function test_pausingStopsNewRequestsAndMarketsOnly() public {
        uint256 open = createRequest();
        uint256 other = createRequest();
        uint256 task = createTask();
        uint256 late = createTask();
        vm.prank(guardian);
        market.pause();
        assertTrue(market.paused(), "paused");

        bytes4 paused = PausableUpgradeable.EnforcedPause.selector;
        expectRefused(paused);
        RequestParams memory r = requestParams();
        vm.expectRevert(paused);
        market.createRequest(r, inputs, "", "");
        vm.expectRevert(paused);
        market.createRequests(new RequestParams[](0), new bytes[](0), new bytes[](0), new bytes[](0));
        vm.expectRevert(paused);
        market.createRequestFor(requester, r, inputs, "", "", 0, "");

        // quotes, assignments, proofs, refunds, slashes and withdrawals go on
        addGenerator(stranger, stranger, PENALTY, 1);
        assertReason(assign(assignment(other)), 0);
        prove(task);
        vm.prank(requester);
        market.cancelRequest(open);
        vm.warp(block.timestamp + RESPONSE_TIME + 1);
        market.slash(late);
        market.withdraw(requester);
        registry.withdraw(treasury);

        vm.prank(guardian);
        market.unpause();
        market.createMarket(p);
    }

    function test_onlyTheGuardianPauses() public {
        bytes memory refused = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, governor, keccak256("GUARDIAN_ROLE")
        );
        vm.startPrank(governor);
        vm.expectRevert(refused);
        market.pause();
        vm.expectRevert(refused);
        market.unpause();
        vm.stopPrank();
        vm.startPrank(guardian);
        vm.expectRevert(PausableUpgradeable.ExpectedPause.selector);
        market.unpause();
        market.pause();
        vm.expectRevert(PausableUpgradeable.EnforcedPause.selector);
        market.pause();
    }

    // ---- settings

    struct Range {
        ISettings target;
        bytes32 name;
        uint256 initial;
        uint256 least;
        uint256 most;
    }

    function ranges() internal view returns (Range[] memory r) {
        r = new Range[](13);
        r[0] = Range(market, "maxTime", 1 days, 1, 2 days - 1);
        r[1] = Range(market, "verifierGas", 2_000_000, 100_000, 10_000_000);
        r[2] = Range(market, "feePerByte", 0, 0, type(uint64).max);
        r[3] = Range(market, "creationFee", 0, 0, type(uint96).max);
        r[4] = Range(market, "activationDelay", 0, 0, 30 days);
        r[5] = Range(market, "imageDelay", 2 days, 1 days + 1, 30 days);
        r[6] = Range(market, "treasury", uint160(treasury), 1, type(uint160).max);
        r[7] = Range(registry, "quoteGrace", 120, 1, 1 hours);
        r[8] = Range(registry, "unstakeDelay", 7 days, 1 days + 1, 90 days);
        r[9] = Range(registry, "slashRequesterBps", 5000, 0, 9000);
        r[10] = Range(registry, "slashBountyBps", 1000, 0, 5000);
        r[11] = Range(registry, "slashBountyMax", 100 ether, 0, type(uint128).max);
        r[12] = Range(registry, "treasury", uint160(treasury), 1, type(uint160).max);
    }

    function test_everySettingHasItsDefaultAndItsRange() public {
        Range[] memory all = ranges();
        for (uint256 i = 0; i < all.length; i++) {
            Range memory s = all[i];
            assertEq(s.target.setting(s.name), s.initial, "default");
            uint256 state = vm.snapshotState();
            if (s.least != 0) refuseSetting(s.target, s.name, s.least - 1);
            if (s.most != type(uint256).max) refuseSetting(s.target, s.name, s.most + 1);
            refuseSetting(s.target, s.name, type(uint256).max);
            acceptSetting(s.target, s.name, s.least);
            acceptSetting(s.target, s.name, s.most);
            vm.revertToState(state);
        }
    }

    function refuseSetting(ISettings target, bytes32 name, uint256 value) internal {
        vm.expectRevert(IKalypsoErrors.SettingOutOfRange.selector);
        vm.prank(governor);
        target.setSetting(name, value);
    }

    function acceptSetting(ISettings target, bytes32 name, uint256 value) internal {
        vm.expectEmit(address(target));
        emit ISettings.SettingSet(name, value);
        set(target, name, value);
        assertEq(target.setting(name), value, "value");
    }

    function test_anUnknownSettingIsRefused() public {
        ISettings[2] memory both = [ISettings(market), ISettings(registry)];
        for (uint256 i = 0; i < 2; i++) {
            vm.expectRevert(IKalypsoErrors.SettingUnknown.selector);
            both[i].setting("nothing");
            vm.expectRevert(IKalypsoErrors.SettingUnknown.selector);
            vm.prank(governor);
            both[i].setSetting("nothing", 1);
        }
    }

    function test_onlyTheGovernorSets() public {
        bytes memory refused = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, admin, keccak256("GOVERNOR_ROLE")
        );
        vm.startPrank(admin);
        vm.expectRevert(refused);
        market.setSetting("feePerByte", 1);
        vm.expectRevert(refused);
        registry.setSetting("quoteGrace", 1);
    }

    function test_aTreasuryIsNoneOfOurs() public {
        address[5] memory ours =
            [address(market), address(registry), address(keys), address(paymentToken), address(stakeToken)];
        for (uint256 i = 0; i < ours.length; i++) {
            refuseSetting(market, "treasury", uint160(ours[i]));
            refuseSetting(registry, "treasury", uint160(ours[i]));
        }
    }

    function test_stakeStaysLongerThanAnyTask() public {
        set(market, "imageDelay", 30 days);
        refuseSetting(market, "maxTime", 7 days);
        acceptSetting(market, "maxTime", 7 days - 1);
        refuseSetting(registry, "unstakeDelay", 7 days - 1);
        acceptSetting(registry, "unstakeDelay", 7 days);
    }

    function test_verifierGasIsInThousands() public {
        refuseSetting(market, "verifierGas", 100_001);
        acceptSetting(market, "verifierGas", 101_000);
    }

    function test_slashPartsAreAtMostAll() public {
        acceptSetting(registry, "slashBountyBps", 0);
        acceptSetting(registry, "slashRequesterBps", 10_000);
        refuseSetting(registry, "slashBountyBps", 1);
    }
}
