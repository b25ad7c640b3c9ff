// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {vm} from "../script/Vm.sol";
import {IKalypsoErrors} from "../src/interfaces/IKalypsoErrors.sol";
import {
    Assignment,
    Decision,
    IProofMarketplace,
    Preference,
    RequestParams,
    RequestState,
    RequestView
} from "../src/interfaces/IProofMarketplace.sol";
import {Base} from "./utils/Base.sol";
import {Wallet} from "./utils/Wallet.sol";

/// @title What people sign and others bring: EIP-712, ERC-1271, unordered nonces.
contract SignaturesTest is Base {
    uint256 internal constant SIGNER_KEY = 0x51;

    RequestParams internal r;
    address internal signer = vm.addr(SIGNER_KEY);
    address internal payer = makeAddress("payer");

    function setUp() public override {
        super.setUp();
        r = requestParams();
        fund(payer);
    }

    function signCreate(uint256 key, address of_, uint256 nonce) internal view returns (bytes memory) {
        return signDigest(key, createRequestDigest(address(market), of_, r, inputs, nonce));
    }

    function signCancel(uint256 key, uint256 id) internal view returns (bytes memory) {
        return signDigest(key, cancelRequestDigest(address(market), id, inputs));
    }

    function createFor(address of_, uint256 nonce, bytes memory signature) internal returns (uint256) {
        vm.prank(payer);
        return market.createRequestFor(of_, r, inputs, "", "", nonce, signature);
    }

    function refuseCreate(address of_, uint256 nonce, bytes memory signature, bytes4 reason) internal {
        vm.expectRevert(reason);
        createFor(of_, nonce, signature);
    }

    function test_theDomainIsKalypso1() public view {
        (bytes1 fields, string memory name, string memory version, uint256 chainId, address at_,,) =
            IERC5267(address(market)).eip712Domain();
        assertTrue(fields == 0x0f, "fields");
        assertEq(keccak256(bytes(name)), keccak256("Kalypso"), "name");
        assertEq(keccak256(bytes(version)), keccak256("1"), "version");
        assertEq(chainId, block.chainid, "chainId");
        assertEq(at_, address(market), "contract");
    }

    /// @notice What these tests sign with is what another implementation makes of the types (fixtures/signatures.sh).
    function test_othersSignTheSame() public view {
        string memory json = vm.readFile("test/fixtures/signatures.json");
        address contract_ = address(0xaa);
        address who = address(0xbb);
        Assignment[] memory a = new Assignment[](2);
        a[0] = Assignment(1, who, 2, 3, hex"0405");
        a[1] = Assignment(6, who, 7, 8, "");
        Decision memory d = Decision(9, 10, bytes32(uint256(11)), 12, bytes32(uint256(13)));
        RequestParams memory p = RequestParams(1, 2, 3, 4, Preference.Fastest, who, 5);
        bytes[3] memory signatures = [
            signAssignments(0xe1, contract_, a, d),
            signDigest(0xa1, createRequestDigest(contract_, who, p, hex"0102", 14)),
            signDigest(0xa1, cancelRequestDigest(contract_, 1, hex"0102"))
        ];
        string[3] memory names = [".assignments", ".createRequest", ".cancelRequest"];
        for (uint256 i = 0; i < 3; i++) {
            assertEq(keccak256(vm.parseJsonBytes(json, names[i])), keccak256(signatures[i]), names[i]);
        }
    }

    // ---- createRequestFor

    function test_aStrangerPaysAndGetsTheRefund() public {
        bytes memory signature = signCreate(SIGNER_KEY, signer, 5);
        vm.expectEmit(address(market));
        emit IProofMarketplace.NonceUsed(signer, 5);
        vm.expectEmit(address(market));
        emit IProofMarketplace.RequestCreated(1, marketId, signer, payer, 0, r, inputs, "", "");
        uint256 id = createFor(signer, 5, signature);

        RequestView memory v = market.requestOf(id);
        assertEq(v.requester, signer, "requester");
        assertEq(v.refundTo, payer, "refundTo");
        vm.prank(signer);
        market.cancelRequest(id);
        assertEq(market.claimable(payer), CAP, "refund");
    }

    function test_theRequesterSaysWhereRefundsGo() public {
        r.refundTo = signer;
        uint256 id = createFor(signer, 5, signCreate(SIGNER_KEY, signer, 5));
        assertEq(market.requestOf(id).refundTo, signer, "refundTo");
    }

    function test_aNonceIsUsedOnceAndInAnyOrder() public {
        createFor(signer, 300, signCreate(SIGNER_KEY, signer, 300));
        createFor(signer, 0, signCreate(SIGNER_KEY, signer, 0));
        createFor(signer, type(uint256).max, signCreate(SIGNER_KEY, signer, type(uint256).max));
        refuseCreate(signer, 300, signCreate(SIGNER_KEY, signer, 300), IKalypsoErrors.NonceAlreadyUsed.selector);
        assertTrue(market.nonceUsed(signer, 300) && market.nonceUsed(signer, 0), "used");
        assertTrue(!market.nonceUsed(signer, 1) && !market.nonceUsed(payer, 300), "unused");
    }

    function test_aSpentNonceVoidsWhatWasSigned() public {
        bytes memory signature = signCreate(SIGNER_KEY, signer, 5);
        vm.expectEmit(address(market));
        emit IProofMarketplace.NonceUsed(signer, 5);
        vm.prank(signer);
        market.useNonce(5);
        refuseCreate(signer, 5, signature, IKalypsoErrors.NonceAlreadyUsed.selector);
        vm.expectRevert(IKalypsoErrors.NonceAlreadyUsed.selector);
        vm.prank(signer);
        market.useNonce(5);
    }

    function test_everyFieldIsSigned() public {
        bytes memory signature = signCreate(SIGNER_KEY, signer, 5);
        bytes4 invalid = IKalypsoErrors.SignatureInvalid.selector;
        refuseCreate(payer, 5, signature, invalid);
        refuseCreate(signer, 6, signature, invalid);
        RequestParams memory signed = r;
        r.marketId++;
        refuseCreate(signer, 5, signature, invalid);
        r = signed;
        r.maxPrice++;
        refuseCreate(signer, 5, signature, invalid);
        r = signed;
        r.maxResponseTime++;
        refuseCreate(signer, 5, signature, invalid);
        r = signed;
        r.expiry++;
        refuseCreate(signer, 5, signature, invalid);
        r = signed;
        r.preference = Preference.Fastest;
        refuseCreate(signer, 5, signature, invalid);
        r = signed;
        r.refundTo = payer;
        refuseCreate(signer, 5, signature, invalid);
        r = signed;
        r.spread++;
        refuseCreate(signer, 5, signature, invalid);
        r = signed;
        inputs = abi.encode(uint256(33), uint256(15));
        refuseCreate(signer, 5, signature, invalid);
        inputs = abi.encode(uint256(33), uint256(14));
        vm.expectRevert(invalid);
        vm.prank(payer);
        market.createRequestFor(signer, r, inputs, "x", "", 5, signature);
        vm.expectRevert(invalid);
        vm.prank(payer);
        market.createRequestFor(signer, r, inputs, "", "x", 5, signature);
        createFor(signer, 5, signature);
    }

    function test_aSignatureIsForOneChainAndOneContract() public {
        bytes memory elsewhere = signDigest(SIGNER_KEY, createRequestDigest(address(registry), signer, r, inputs, 5));
        refuseCreate(signer, 5, elsewhere, IKalypsoErrors.SignatureInvalid.selector);
        bytes memory signature = signCreate(SIGNER_KEY, signer, 5);
        vm.chainId(5);
        refuseCreate(signer, 5, signature, IKalypsoErrors.SignatureInvalid.selector);
    }

    function test_nobodySignsForTheZeroAddress() public {
        refuseCreate(address(0), 5, new bytes(65), IKalypsoErrors.SignatureInvalid.selector);
        refuseCreate(address(0), 5, "", IKalypsoErrors.SignatureInvalid.selector);
    }

    function test_aContractWalletSigns() public {
        Wallet wallet = new Wallet(signer);
        bytes memory signature = signCreate(SIGNER_KEY, address(wallet), 5);
        uint256 id = createFor(address(wallet), 5, signature);
        assertEq(market.requestOf(id).requester, address(wallet), "requester");
        refuseCreate(
            address(wallet), 6, signCreate(ENGINE_KEY, address(wallet), 6), IKalypsoErrors.SignatureInvalid.selector
        );
        wallet.lose();
        refuseCreate(
            address(wallet), 6, signCreate(SIGNER_KEY, address(wallet), 6), IKalypsoErrors.SignatureInvalid.selector
        );
    }

    // ---- cancelRequestFor

    function test_anyoneBringsASignedCancel() public {
        uint256 id = createFor(signer, 5, signCreate(SIGNER_KEY, signer, 5));
        bytes memory signature = signCancel(SIGNER_KEY, id);
        vm.prank(stranger);
        market.cancelRequestFor(id, signature);
        assertTrue(market.requestOf(id).state == RequestState.Cancelled, "state");
        assertEq(market.claimable(payer), CAP, "refund");
        vm.expectRevert(IKalypsoErrors.RequestNotOpen.selector);
        market.cancelRequestFor(id, signature);
    }

    function test_onlyTheRequesterSignsACancelOfThatRequest() public {
        uint256 id = createFor(signer, 5, signCreate(SIGNER_KEY, signer, 5));
        uint256 other = createFor(signer, 6, signCreate(SIGNER_KEY, signer, 6));
        bytes[3] memory wrong = [
            signCancel(ENGINE_KEY, id),
            signCancel(SIGNER_KEY, other),
            signDigest(SIGNER_KEY, cancelRequestDigest(address(market), id, "other inputs"))
        ];
        for (uint256 i = 0; i < wrong.length; i++) {
            vm.expectRevert(IKalypsoErrors.SignatureInvalid.selector);
            market.cancelRequestFor(id, wrong[i]);
        }
    }

    function test_aContractWalletSignsACancel() public {
        Wallet wallet = new Wallet(signer);
        fund(address(wallet));
        vm.prank(address(wallet));
        uint256 id = market.createRequest(r, inputs, "", "");
        market.cancelRequestFor(id, signCancel(SIGNER_KEY, id));
        assertEq(market.claimable(address(wallet)), CAP, "refund");
    }

    function test_aTaskIsNotCancelledBySignature() public {
        uint256 id = createTask();
        vm.expectRevert(IKalypsoErrors.RequestNotOpen.selector);
        market.cancelRequestFor(id, signCancel(REQUESTER_KEY, id));
    }
}
