// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IClaims} from "./IClaims.sol";
import {IKalypsoErrors} from "./IKalypsoErrors.sol";
import {ISettings} from "./ISettings.sol";

/// @title Generators: their stake, compute and quotes, and what tasks hold of them.
/// @notice Holds the stake token. All amounts of stake are units of it, prices are units of the payment token, times
/// are seconds. `claimable` holds parts of penalties. Pool 0 is the stake held here; further pools (restaked vaults) are to come.
///
/// **Nobody gets a last look.** A match is made on the terms that a quote has in a block, and reaches the chain a
/// little later. So each change that would break it (new terms, leaving, less compute) leaves what was there before
/// good for the setting `quoteGrace` more seconds, and a second change within that time is refused.
interface IGeneratorRegistry is IKalypsoErrors, ISettings, IClaims {
    /// @notice `generator` registered.
    event GeneratorRegistered(address indexed generator, address rewardAddress, uint64 compute, bytes metadata);
    /// @notice `generator` is leaving: everything it has staked is under notice (StakeChanged follows), it can't quote
    /// any more, and its record ends with the StakeChanged that says stake 0.
    event GeneratorDeregistered(address indexed generator);
    /// @notice What the generator earns from here on is credited to `rewardAddress`.
    event RewardAddressSet(address indexed generator, address rewardAddress);
    /// @notice Stake and notice of a generator in a pool. `stake` includes `locked` and `unstaking`; `unstaking` is
    /// under notice and paid from `payableAt` (unix seconds) on. Not emitted for locks, releases and slashes: those
    /// follow from the marketplace's TaskCreated, ProofSubmitted, InputsInvalidated and TaskSlashed. A slash lowers
    /// stake by the penalty, and `unstaking` to what stake is left if that is less.
    event StakeChanged(
        address indexed generator,
        uint16 indexed pool,
        uint256 stake,
        uint256 locked,
        uint256 unstaking,
        uint64 payableAt
    );
    /// @notice The generator's compute is `compute` from `effectiveFrom` (unix seconds) on; until then what it was.
    event ComputeChanged(address indexed generator, uint64 compute, uint64 effectiveFrom);
    /// @notice The generator quotes these terms in the market: joined, or changed them. After a change the terms
    /// before it are honoured for `quoteGrace` more seconds.
    event QuoteSet(
        address indexed generator,
        uint256 indexed marketId,
        uint128 price,
        uint32 responseTime,
        uint64 computePerRequest
    );
    /// @notice The generator left the market. `draining`: tasks run or, for `quoteGrace` more seconds, may still be
    /// assigned on the last terms; the quote is gone when that time is over and the last task has ended.
    /// Not draining: gone at once; not so far, since `quoteGrace` is at least a second.
    event QuoteRemoved(address indexed generator, uint256 indexed marketId, bool draining);

    // ---- the generator's calls

    /// @notice Registers the caller as a generator, without stake.
    /// @param rewardAddress Where earnings are credited. Not 0, not one of the core contracts or tokens.
    /// @param compute Units of compute that it offers; each task uses its quote's `computePerRequest` of them.
    /// @param metadata Free; only in the log.
    /// Errors: GeneratorExists (also while an earlier record ends), BadRewardAddress.
    function register(address rewardAddress, uint64 compute, bytes calldata metadata) external;

    /// @notice Adds stake to a generator, paid by the caller (who approves it first), whoever that is.
    /// Errors: GeneratorUnknown (also while the record ends), ZeroAmount, and those of the token.
    function stake(address generator, uint256 amount) external;

    /// @notice Gives notice for `amount` more of the caller's stake. From here on the engine doesn't count it, but it
    /// can be locked and slashed until it is paid. A further call restarts the delay (setting `unstakeDelay`) for all
    /// that is under notice.
    /// Errors: GeneratorUnknown (also while the record ends), ZeroAmount, StakeShort (more than isn't under notice).
    function requestUnstake(uint256 amount) external;

    /// @notice Pays the caller what is due: the smaller of what is under notice and what isn't locked. The rest stays
    /// due. Ends the record of a generator that deregistered, once nothing is left.
    /// Errors: GeneratorUnknown, NothingDue.
    function unstake() external;

    /// @notice Changes the caller's compute: up at once, down `quoteGrace` seconds later.
    /// Errors: GeneratorUnknown (also while the record ends), StillInUse (less than its tasks use now),
    /// QuoteChangedTooSoon (a lowering isn't effective yet).
    function setCompute(uint64 compute) external;

    /// @notice Quotes in a market, active at once.
    /// @param price Per proof, in payment token units.
    /// @param responseTime Seconds from assignment to deadline: 1 to the marketplace's setting `maxTime`.
    /// @param computePerRequest Units of compute that each task uses.
    /// Errors: GeneratorUnknown (also while the record ends), MarketUnknown, MarketIsClosed, TimeOutOfRange, StakeShort
    /// (stake below the market's penalty), MarketLimit, StillInUse (the quote is active, or drains).
    function joinMarket(uint256 marketId, uint128 price, uint32 responseTime, uint64 computePerRequest) external;

    /// @notice Changes the terms of the caller's quote. Running tasks keep theirs, and the terms until now can still
    /// be assigned for `quoteGrace` seconds.
    /// Errors: QuoteInactive, TimeOutOfRange, QuoteChangedTooSoon.
    function updateQuote(uint256 marketId, uint128 price, uint32 responseTime, uint64 computePerRequest) external;

    /// @notice Ends the caller's quote: no new tasks after `quoteGrace` seconds, gone when the last one has ended.
    /// Errors: QuoteInactive, QuoteChangedTooSoon.
    function leaveMarket(uint256 marketId) external;

    /// @notice Changes where the caller's earnings are credited, for all proofs from here on.
    /// Errors: GeneratorUnknown, BadRewardAddress.
    function setRewardAddress(address rewardAddress) external;

    /// @notice Begins the end of the caller's record: gives notice for all of its stake. The record ends when that is
    /// paid by `unstake`, at once if there is none.
    /// Errors: GeneratorUnknown (also when called twice), StillInUse (an active quote, or a task).
    function deregister() external;

    // ---- views

    /// @notice A generator's record; all 0 where there is none.
    /// @return rewardAddress Where earnings are credited.
    /// @return stake All of its stake, what is locked or under notice included.
    /// @return locked What its tasks lock: the sum of their penalties.
    /// @return unstaking What is under notice.
    /// @return compute Its compute in this block.
    /// @return computeUsed What its tasks use of that.
    function generatorOf(address generator)
        external
        view
        returns (
            address rewardAddress,
            uint256 stake,
            uint256 locked,
            uint256 unstaking,
            uint64 compute,
            uint64 computeUsed
        );

    /// @notice A quote; all 0 where there was never one. One that was left shows its last terms, and isn't active.
    /// @return price Per proof, payment token units.
    /// @return responseTime Seconds from assignment to deadline.
    /// @return computePerRequest Units of compute that each task uses.
    /// @return activeTasks Tasks of this generator that run in this market.
    /// @return active Whether it takes part in matching. Not: drains, is gone, or never was.
    function quoteOf(address generator, uint256 marketId)
        external
        view
        returns (uint128 price, uint32 responseTime, uint64 computePerRequest, uint32 activeTasks, bool active);

    /// @notice When what the generator has under notice is paid, unix seconds; 0: nothing is under notice.
    function payableAt(address generator) external view returns (uint64);

    // ---- the marketplace's calls

    /// @notice Locks stake, compute and a task slot for a task. Caller: the marketplace.
    /// @param price What the assignment says, to be held against the quote's terms.
    /// @param responseTime The same, seconds.
    /// @param penalty The market's penalty.
    /// @return reason 0: locked. Else nothing has changed: GeneratorUnknown, TaskLimit, QuoteInactive, TermsMismatch,
    /// ComputeShort or StakeShort, tested in this order.
    /// @return pool Where the penalty is locked.
    /// @return compute What the task uses.
    function lock(address generator, uint256 marketId, uint128 price, uint32 responseTime, uint128 penalty)
        external
        returns (bytes4 reason, uint16 pool, uint64 compute);

    /// @notice Gives back what a task that ended well had locked. Caller: the marketplace.
    /// @param pool The task's pool.
    /// @param compute The task's compute.
    /// @param penalty The market's penalty.
    /// @return rewardAddress Whom to pay.
    function release(address generator, uint256 marketId, uint16 pool, uint64 compute, uint128 penalty)
        external
        returns (address rewardAddress);

    /// @notice Frees a task's compute and slot, takes its penalty out of the stake and credits the parts.
    /// Caller: the marketplace.
    /// @param requester Who gets the requester's part; 0: it goes to the treasury.
    /// @param slasher Who gets the bounty, unless it is the generator or its reward address.
    /// @return toRequester `slashRequesterBps` of the penalty.
    /// @return toSlasher `slashBountyBps` of the penalty, at most `slashBountyMax`.
    /// @return toTreasury The rest.
    function slash(
        address generator,
        uint256 marketId,
        uint16 pool,
        uint64 compute,
        uint128 penalty,
        address requester,
        address slasher
    ) external returns (uint128 toRequester, uint128 toSlasher, uint128 toTreasury);
}
