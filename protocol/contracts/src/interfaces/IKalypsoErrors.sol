// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Every error of the core contracts.
/// @notice A call that fails with one of these has changed nothing. In a batch (`assignTasks`, `submitProofs`,
/// `slashMany`, `cancelRequests`) an item that can't be settled is skipped instead, and the reason that is returned
/// and emitted is the selector of the error with which the item would have failed alone.
interface IKalypsoErrors {
    // ---- markets

    /// @notice No market has this id.
    error MarketUnknown();
    /// @notice The market takes no requests yet: it becomes active at its `activeFrom`.
    error MarketInactive();
    /// @notice The market is closed: no new requests, quotes or assignments.
    error MarketIsClosed();
    /// @notice The caller isn't the market's owner, or the market is frozen and has none.
    error NotMarketOwner();
    /// @notice The verifier didn't accept its own sample.
    error SampleRejected();
    /// @notice A market's penalty must not be 0.
    error ZeroPenalty();
    /// @notice A market's metadata is 1 to 4096 bytes.
    error MetadataLength();

    // ---- requests

    /// @notice The market's verifier says that these inputs aren't well-formed.
    error InputsRejected();
    /// @notice Inputs above the market's `maxInputBytes` (a market: above 32 KiB), private inputs above 64 KiB or an
    /// acl above 256 bytes.
    error InputsTooLong();
    /// @notice Private inputs or an acl in a public market.
    error NotConfidential();
    /// @notice A price cap must not be 0.
    error ZeroPrice();
    /// @notice A time in seconds is outside its range: the request's time cap or a quote's response time (1 to the
    /// setting `maxTime`), a market's auction window, a key's validity.
    error TimeOutOfRange();
    /// @notice A request expires in the future, within 30 days.
    error ExpiryOutOfRange();
    /// @notice Money can't be paid to one of the core contracts or tokens: it could never leave.
    error BadRefundTo();
    /// @notice No request has this id.
    error RequestUnknown();
    /// @notice The request isn't open: it is assigned or over.
    error RequestNotOpen();
    /// @notice The request's expiry has passed.
    error RequestExpired();
    /// @notice The request's expiry hasn't passed. Not used by order-book markets, where an early cancel by a
    /// stranger is `NotRequester`.
    error RequestNotExpired();
    /// @notice The request isn't assigned: it is open, or over.
    error RequestNotAssigned();
    /// @notice Only the requester cancels before the expiry while the market is open.
    error NotRequester();

    // ---- tasks

    /// @notice The task's deadline has passed.
    error DeadlinePassed();
    /// @notice The task's deadline hasn't passed.
    error DeadlineNotPassed();
    /// @notice These aren't the inputs that the request was made with.
    error InputsMismatch();
    /// @notice The market's verifier doesn't accept the proof.
    error ProofInvalid();
    /// @notice The verifier said no, but had been given less gas than it may use. Send the transaction again with
    /// more gas; no item was skipped.
    error GasTooLow();

    // ---- signatures

    /// @notice The signature isn't one of the account that has to sign this.
    error SignatureInvalid();
    /// @notice The decision's `validUntil` has passed.
    error SignatureExpired();
    /// @notice The nonce is spent.
    error NonceAlreadyUsed();
    /// @notice A decision with this batch number was already published.
    error BatchAlreadyUsed();
    /// @notice The block that was decided on isn't in this chain, or isn't among its last 256.
    error BranchGone();
    /// @notice The signer is no engine key that is valid now.
    error NotEngine();

    // ---- generators

    /// @notice The address isn't registered as a generator, or its record is ending.
    error GeneratorUnknown();
    /// @notice The address is registered already.
    error GeneratorExists();
    /// @notice The generator has no active quote in this market.
    error QuoteInactive();
    /// @notice Price and response time are neither those of the quote nor, within `quoteGrace`, those before its last
    /// change.
    error TermsMismatch();
    /// @notice The last change is younger than `quoteGrace`.
    error QuoteChangedTooSoon();
    /// @notice The price is above the request's cap.
    error PriceAboveCap();
    /// @notice The response time is above the request's cap.
    error TimeAboveCap();
    /// @notice The bid isn't a valid one for this request (sealed-bid markets).
    error BidInvalid();
    /// @notice The generator has too little free compute.
    error ComputeShort();
    /// @notice The generator has too little stake that isn't locked; when giving notice, that isn't under notice.
    error StakeShort();
    /// @notice The generator runs 100 tasks in this market.
    error TaskLimit();
    /// @notice The generator quotes in 128 markets.
    error MarketLimit();
    /// @notice The generator has no usable key in this confidential market.
    error KeyMissing();
    /// @notice A reward address can't be 0, nor one of the core contracts or tokens.
    error BadRewardAddress();
    /// @notice There is nothing to pay, or not yet.
    error NothingDue();
    /// @notice Tasks, quotes or a notice are in the way.
    error StillInUse();

    // ---- keys

    /// @notice The key or image was revoked, for ever.
    error RevokedForEver();
    /// @notice A public key is empty, 33 bytes (0x02, 0x03) or 65 bytes (0x04).
    error BadPublicKey();

    // ---- calls

    /// @notice Needs a part of the protocol that isn't here yet (attested keys, confidential markets, sealed bids).
    error NotAvailable();
    /// @notice Arrays that belong together differ in length.
    error LengthMismatch();
    /// @notice An amount must not be 0.
    error ZeroAmount();
    /// @notice There is no setting of this name.
    error SettingUnknown();
    /// @notice The value is outside the setting's range.
    error SettingOutOfRange();
    /// @notice Only the marketplace may call this.
    error NotMarketplace();
    /// @notice An address that the contract depends on is 0.
    error ZeroAddress();
}
