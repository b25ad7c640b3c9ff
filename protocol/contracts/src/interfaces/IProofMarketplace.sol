// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IClaims} from "./IClaims.sol";
import {IKalypsoErrors} from "./IKalypsoErrors.sol";
import {ISettings} from "./ISettings.sol";

/// @notice What a request is best served by.
enum Preference {
    Cheapest,
    Fastest
}

/// @notice How a market matches requests with quotes.
enum Protocol {
    OrderBook,
    SealedBid
}

/// @notice Where a request stands. Open -> Assigned -> Fulfilled, Invalid or Slashed; Open -> Cancelled or Rejected.
/// Expired (Open past its expiry) and overdue (Assigned past its deadline) follow from the time.
enum RequestState {
    None,
    Open,
    Assigned,
    Fulfilled,
    Invalid,
    Slashed,
    Cancelled,
    Rejected
}

/// @notice What a market is made of.
/// @param verifier An IProofVerifier.
/// @param penalty Stake (stake token units) that each task locks and that is slashed when it misses its deadline. The
/// least stake that a generator needs to quote here.
/// @param maxInputBytes Longest public inputs, at most 32 KiB.
/// @param protocol Only OrderBook so far.
/// @param auctionWindow Seconds that a request collects bids, SealedBid only; else 0.
/// @param proverImages Empty: a public market. Else the enclave images that may receive private inputs (so far: empty).
/// @param inputVerifierImages Images of enclaves that may say that inputs can't be proven (so far: empty).
/// @param metadata 1 to 4096 bytes of JSON: name, circuit, links, the largest work it stands for. Only in the log.
struct MarketParams {
    address verifier;
    uint128 penalty;
    uint32 maxInputBytes;
    Protocol protocol;
    uint32 auctionWindow;
    bytes32[] proverImages;
    bytes32[] inputVerifierImages;
    bytes metadata;
}

/// @notice What a requester wants.
/// @param marketId Where it wants it.
/// @param maxPrice Most that it pays, escrowed. Payment token units, not 0.
/// @param maxResponseTime Longest that it waits from assignment to deadline, seconds: 1 to the setting `maxTime`.
/// @param expiry Unix seconds by which it must be assigned: after the block's timestamp, at most 30 days.
/// @param preference What decides between generators whose quotes meet both caps.
/// @param refundTo Who gets what isn't spent; 0: whoever paid. Not one of the core contracts or tokens.
/// @param spread Not 0: requests of one requester with the same number go to different generators. Only in the log.
struct RequestParams {
    uint256 marketId;
    uint128 maxPrice;
    uint32 maxResponseTime;
    uint64 expiry;
    Preference preference;
    address refundTo;
    uint64 spread;
}

/// @notice One match of a decision.
/// @param requestId Who gets the proof: an open request.
/// @param generator Who makes it.
/// @param price The quote's price, payment token units.
/// @param responseTime The quote's response time, seconds.
/// @param acl The key of the private inputs, sealed to the generator; empty in a public market.
struct Assignment {
    uint256 requestId;
    address generator;
    uint128 price;
    uint32 responseTime;
    bytes acl;
}

/// @notice What a batch of assignments rests on.
/// @param batch Number of the batch, used once.
/// @param blockNumber Newest block that was decided on.
/// @param blockHash Its hash.
/// @param validUntil Unix seconds after which the batch is void.
/// @param matchRoot Running hash of the decision records up to the last of this batch.
struct Decision {
    uint64 batch;
    uint64 blockNumber;
    bytes32 blockHash;
    uint64 validUntil;
    bytes32 matchRoot;
}

/// @notice A request as the contract remembers it; all 0 where there is none. The rest is in the log. It stays when
/// the request has ended.
/// @param refundTo Who gets what isn't spent; never 0.
/// @param generator Who was assigned; 0 if nobody ever was, like price, deadline, compute and pool.
/// @param maxPrice The price cap, payment token units; escrowed while Open or Assigned.
/// @param price What the generator is paid, payment token units.
/// @param expiry Unix seconds; 0 once it was assigned.
/// @param deadline Unix seconds.
/// @param compute Units of compute that the task uses while it is Assigned.
/// @param pool Stake pool that its penalty is locked in while it is Assigned; 0 is the registry's own.
/// @param inputsHash keccak256 of the public inputs.
struct RequestView {
    RequestState state;
    uint256 marketId;
    address requester;
    address refundTo;
    address generator;
    uint128 maxPrice;
    uint128 price;
    uint64 expiry;
    uint64 deadline;
    uint64 compute;
    uint16 pool;
    bytes32 inputsHash;
}

/// @notice A market as the contract remembers it; all 0 where there is none. The rest is in the log.
/// @param owner Who may hand it over, freeze it and close it; 0: frozen.
/// @param verifier Its IProofVerifier.
/// @param penalty Stake token units that each task locks.
/// @param maxInputBytes Longest public inputs.
/// @param auctionWindow Seconds that a request collects bids; 0 in an order book.
/// @param activeFrom Unix seconds from which it takes requests.
/// @param closed Takes no more requests, quotes or assignments.
/// @param confidential Private inputs are allowed, and only enclaves of its images receive them.
/// @param disputable Inputs that can't be proven can be disputed, so the requester has a part in penalties.
struct MarketView {
    address owner;
    address verifier;
    uint128 penalty;
    uint32 maxInputBytes;
    Protocol protocol;
    uint32 auctionWindow;
    uint64 activeFrom;
    bool closed;
    bool confidential;
    bool disputable;
}

/// @title The market: requests, their escrow, tasks, proofs and penalties.
/// @notice Holds the payment token. Ids start at 1, times are seconds, prices and fees are payment token units,
/// penalties stake token units. Nothing is paid out but by `withdraw`: everything else credits `claimable`.
///
/// **Event-complete**: all state of the core contracts can be rebuilt from their logs alone.
///
/// **One bad item never reverts its batch**: `assignTasks`, `submitProofs`, `slashMany` and `cancelRequests` go through
/// their items in order; each is settled, or skipped with its reason (an error's selector; 0: settled) in the returned
/// array and in an event. The transaction reverts as a whole, skipping nothing, when it runs out of gas.
///
/// **Pausing** stops createMarket, createRequest, createRequests and createRequestFor, and nothing else.
interface IProofMarketplace is IKalypsoErrors, ISettings, IClaims {
    // ---- events

    /// @notice A market was made. `fee` payment tokens were credited to the treasury; requests are taken from
    /// `activeFrom` (unix seconds) on.
    event MarketCreated(
        uint256 indexed marketId, address indexed owner, MarketParams params, uint256 fee, uint64 activeFrom
    );
    /// @notice The market was handed over. Owner 0: frozen, nobody can change it any more.
    event MarketOwnerSet(uint256 indexed marketId, address indexed owner);
    /// @notice The market takes no new requests, quotes or assignments; open requests can be cancelled by anyone.
    event MarketClosed(uint256 indexed marketId);
    /// @notice An enclave image counts, or no longer counts, in this market from `effectiveFrom` (unix seconds) on.
    /// `kind`: 0 prover, 1 input verifier. Not emitted so far.
    event MarketImageSet(
        uint256 indexed marketId, bytes32 indexed image, uint8 kind, bool allowed, uint64 effectiveFrom
    );
    /// @notice A request was made. `payer` paid `params.maxPrice`, which is escrowed, and `fee`, which was credited to
    /// the treasury. Refunds go to `params.refundTo`, or to `payer` where that is 0.
    event RequestCreated(
        uint256 indexed requestId,
        uint256 indexed marketId,
        address indexed requester,
        address payer,
        uint256 fee,
        RequestParams params,
        bytes inputs,
        bytes privateInputs,
        bytes acl
    );
    /// @notice The request was cancelled, or had expired; `refund`, its whole cap, was credited.
    event RequestCancelled(uint256 indexed requestId, uint256 refund);
    /// @notice The request's acl didn't open; `refund`, its whole cap, was credited. Not emitted so far.
    event RequestRejected(uint256 indexed requestId, uint256 refund);
    /// @notice An item of `cancelRequests` was skipped.
    event CancelSkipped(uint256 indexed requestId, bytes4 reason);
    /// @notice The request is a task now. `compute` and the market's penalty (in stake pool `pool`) are locked.
    event TaskCreated(
        uint256 indexed requestId,
        address indexed generator,
        uint256 indexed marketId,
        uint128 price,
        uint64 compute,
        uint16 pool,
        uint64 deadline,
        bytes acl
    );
    /// @notice An item of `assignTasks` was skipped.
    event AssignmentSkipped(uint256 indexed requestId, address indexed generator, bytes4 reason);
    /// @notice A decision was published; emitted after the events of its items.
    event MatchRootPublished(
        uint256 indexed batch,
        address indexed engine,
        bytes32 matchRoot,
        uint64 blockNumber,
        bytes32 blockHash,
        uint64 validUntil,
        uint256 assigned,
        uint256 skipped
    );
    /// @notice The task was proven: `paid` was credited to the generator's reward address, `refund` to the requester's
    /// refund address; compute and penalty are released.
    event ProofSubmitted(
        uint256 indexed requestId, address indexed generator, uint128 paid, uint128 refund, bytes proof
    );
    /// @notice An item of `submitProofs` was skipped.
    event ProofSkipped(uint256 indexed requestId, bytes4 reason);
    /// @notice The task's inputs can't be proven; money and locks go as for a proof. Not emitted so far.
    event InputsInvalidated(uint256 indexed requestId, address indexed generator, uint128 paid, uint128 refund);
    /// @notice The task missed its deadline: `refund`, the whole cap, was credited, compute is released, and `penalty`
    /// leaves the generator's stake.
    event TaskSlashed(
        uint256 indexed requestId,
        address indexed generator,
        address indexed slasher,
        uint16 pool,
        uint128 penalty,
        uint128 refund
    );
    /// @notice The penalty was credited in the GeneratorRegistry: to the request's refund address, to the slasher, and
    /// to that contract's treasury. Pool 0: right after TaskSlashed.
    event PenaltyPaid(uint256 indexed requestId, uint128 toRequester, uint128 toSlasher, uint128 toTreasury);
    /// @notice The pool that backed the task refused to pay its penalty. Never for pool 0; not emitted so far.
    event PenaltyVetoed(uint256 indexed requestId);
    /// @notice An item of `slashMany` was skipped.
    event SlashSkipped(uint256 indexed requestId, bytes4 reason);
    /// @notice The account's nonce is spent.
    event NonceUsed(address indexed account, uint256 nonce);

    // ---- markets

    /// @notice Makes a market, owned by the caller; requests are taken after the setting `activationDelay`. The caller
    /// pays the setting `creationFee` in payment tokens (approved first).
    /// Errors: paused (EnforcedPause), NotAvailable (images, or SealedBid), ZeroPenalty, InputsTooLong (maxInputBytes),
    /// MetadataLength, TimeOutOfRange (an auctionWindow), SampleRejected, GasTooLow.
    function createMarket(MarketParams calldata p) external returns (uint256 marketId);

    /// @notice Closes a market for ever: no new requests, quotes or assignments. Tasks go on; open requests can be
    /// cancelled by anyone. Caller: its owner.
    /// Errors: MarketUnknown, NotMarketOwner, MarketIsClosed.
    function closeMarket(uint256 marketId) external;

    /// @notice Hands a market over; to 0 freezes it. Caller: its owner.
    /// Errors: MarketUnknown, NotMarketOwner.
    function setMarketOwner(uint256 marketId, address owner) external;

    /// @notice Adds or removes an enclave image of a market. Reverts with NotAvailable.
    /// @param kind 0 prover, 1 input verifier.
    function setMarketImage(uint256 marketId, bytes32 image, uint8 kind, bool allowed) external;

    // ---- requests

    /// @notice Makes a request, escrowing its price cap; the fee is the setting `feePerByte` for each byte of `inputs`,
    /// `privateInputs` and `acl`. The caller is the requester, and pays both (approved first).
    /// @param inputs Public inputs, as the market's verifier wants them.
    /// @param privateInputs Encrypted private inputs, at most 64 KiB; empty in a public market.
    /// @param acl Their key, sealed to the engine, at most 256 bytes; empty in a public market.
    /// Errors: paused (EnforcedPause), MarketUnknown, MarketIsClosed, MarketInactive, ZeroPrice, TimeOutOfRange,
    /// ExpiryOutOfRange, InputsTooLong, NotConfidential, BadRefundTo, InputsRejected, GasTooLow, those of the token.
    function createRequest(
        RequestParams calldata r,
        bytes calldata inputs,
        bytes calldata privateInputs,
        bytes calldata acl
    ) external returns (uint256 requestId);

    /// @notice Makes several requests, all or none. Their ids follow each other.
    /// @return firstId Id of the first; the next id where the arrays are empty.
    /// Errors: LengthMismatch, those of createRequest.
    function createRequests(
        RequestParams[] calldata r,
        bytes[] calldata inputs,
        bytes[] calldata privateInputs,
        bytes[] calldata acls
    ) external returns (uint256 firstId);

    /// @notice Makes a request of `requester`, paid by the caller.
    /// @param nonce Any number that `requester` hasn't used; no order.
    /// @param signature EIP-712 `CreateRequest` by `requester` (ERC-1271 if it is a contract).
    /// Errors: NonceAlreadyUsed, SignatureInvalid, those of createRequest.
    function createRequestFor(
        address requester,
        RequestParams calldata r,
        bytes calldata inputs,
        bytes calldata privateInputs,
        bytes calldata acl,
        uint256 nonce,
        bytes calldata signature
    ) external returns (uint256 requestId);

    /// @notice Cancels an open request and credits its cap to the refund address. Caller: the requester; anyone once
    /// it has expired or its market is closed.
    /// Errors: RequestUnknown, RequestNotOpen, NotRequester.
    function cancelRequest(uint256 requestId) external;

    /// @notice Cancels several open requests.
    /// @return reasons Per item 0 or an error of cancelRequest.
    function cancelRequests(uint256[] calldata requestIds) external returns (bytes4[] memory reasons);

    /// @notice Cancels an open request on its requester's word; anyone may bring it.
    /// @param signature EIP-712 `CancelRequest` by the requester (ERC-1271 if it is a contract).
    /// Errors: RequestUnknown, RequestNotOpen, SignatureInvalid.
    function cancelRequestFor(uint256 requestId, bytes calldata signature) external;

    /// @notice Refunds confidential requests whose acl doesn't open. Reverts with NotAvailable.
    /// @param engineSignature EIP-712 `RejectRequests` by an engine key.
    function rejectRequests(uint256[] calldata requestIds, bytes calldata engineSignature) external;

    /// @notice Spends a nonce of the caller, so that what it signed with it can't be used.
    /// Errors: NonceAlreadyUsed.
    function useNonce(uint256 nonce) external;

    // ---- tasks

    /// @notice Publishes a decision of the engine; anyone may relay it. Each item makes a task of an open, unexpired
    /// request whose market isn't closed, when the quote's current terms, or within `quoteGrace` those before its last
    /// change, are these, the caps hold, and the generator has a task slot, compute and stake. The deadline is the
    /// block's timestamp plus `responseTime`.
    /// @param engineSignature EIP-712 `Assignments` by an engine key that is valid now (65 bytes).
    /// @return reasons Per item 0, or the first of: RequestUnknown, RequestNotOpen, RequestExpired, MarketIsClosed,
    /// PriceAboveCap, TimeAboveCap, and those of GeneratorRegistry.lock.
    /// Errors: SignatureExpired (after validUntil), BatchAlreadyUsed, BranchGone, SignatureInvalid, NotEngine.
    function assignTasks(Assignment[] calldata a, Decision calldata d, bytes calldata engineSignature)
        external
        returns (bytes4[] memory reasons);

    /// @notice Proves a task, up to its deadline, that second included. Anyone may; the generator is paid.
    /// @param inputs The request's public inputs.
    /// Errors: RequestUnknown, RequestNotAssigned, DeadlinePassed, InputsMismatch, ProofInvalid, GasTooLow. The task is
    /// as it was, and can still be proven.
    function submitProof(uint256 requestId, bytes calldata inputs, bytes calldata proof) external;

    /// @notice Proves several tasks.
    /// @return reasons Per item 0 or an error of submitProof.
    /// Errors: LengthMismatch, GasTooLow.
    function submitProofs(uint256[] calldata requestIds, bytes[] calldata inputs, bytes[] calldata proofs)
        external
        returns (bytes4[] memory reasons);

    /// @notice Ends a task whose inputs can't be proven. Reverts with NotAvailable.
    /// @param signature EIP-712 `InvalidInputs` by a key that the generator, or an input verifier, has in this market.
    function submitInvalidInputs(uint256 requestId, bytes calldata inputs, bytes calldata signature) external;

    /// @notice Slashes a task whose deadline has passed: the whole cap is refunded, the penalty split, and the caller
    /// gets its bounty (claimable in the GeneratorRegistry) unless it is the generator or its reward address.
    /// Errors: RequestUnknown, RequestNotAssigned, DeadlineNotPassed.
    function slash(uint256 requestId) external;

    /// @notice Slashes several tasks.
    /// @return reasons Per item 0 or an error of slash.
    function slashMany(uint256[] calldata requestIds) external returns (bytes4[] memory reasons);

    // ---- pausing

    /// @notice Stops new requests and new markets, nothing else. Caller: GUARDIAN_ROLE.
    /// Errors: EnforcedPause (it is paused).
    function pause() external;

    /// @notice Allows new requests and new markets again. Caller: GUARDIAN_ROLE.
    /// Errors: ExpectedPause (it isn't paused).
    function unpause() external;

    /// @notice Whether new requests and new markets are stopped.
    function paused() external view returns (bool);

    // ---- views

    /// @notice A request; all 0 where there is none.
    function requestOf(uint256 requestId) external view returns (RequestView memory);

    /// @notice A market; all 0 where there is none.
    function marketOf(uint256 marketId) external view returns (MarketView memory);

    /// @notice Id of the newest request, which is how many there are.
    function requestCount() external view returns (uint256);

    /// @notice Id of the newest market, which is how many there are.
    function marketCount() external view returns (uint256);

    /// @notice Whether the account's nonce is spent.
    function nonceUsed(address account, uint256 nonce) external view returns (bool);

    /// @notice Whether a decision with this batch number was published.
    function batchUsed(uint256 batch) external view returns (bool);

    /// @notice Whether a decision must name one of the last 256 blocks of this chain. Off where BLOCKHASH isn't the
    /// chain's own; fixed by the implementation.
    function checksBranch() external view returns (bool);
}
