// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Claims} from "./Claims.sol";
import {Core} from "./Core.sol";
import {Settings} from "./Settings.sol";
import {CoreAddresses} from "./interfaces/ICore.sol";
import {IGeneratorRegistry} from "./interfaces/IGeneratorRegistry.sol";
import {IProofMarketplace, MarketView} from "./interfaces/IProofMarketplace.sol";
import {ISettings} from "./interfaces/ISettings.sol";

/// @title Generators: their stake, compute and quotes, and what tasks hold of them.
/// @dev See IGeneratorRegistry, which is the manual.
contract GeneratorRegistry is Settings, Claims, IGeneratorRegistry {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    struct Generator {
        // all that a lock or a release writes; what is locked is stake - freeStake
        uint128 freeStake;
        uint64 computeUsed;
        uint64 compute;
        // ---
        uint128 stake;
        uint128 unstaking;
        // ---
        address rewardAddress; // 0: no such generator
        uint40 payableAt;
        uint8 quotes; // active ones
        bool leaving;
        // --- a lowering of compute: what it was, good before `computeFrom`
        uint64 oldCompute;
        uint40 computeFrom;
    }

    struct Quote {
        uint128 price;
        uint64 compute;
        uint24 responseTime;
        uint8 tasks;
        bool active;
        // --- the terms before the last change, good before `oldUntil`
        uint128 oldPrice;
        uint64 oldCompute;
        uint24 oldResponseTime;
        uint40 oldUntil;
    }

    struct Config {
        uint32 quoteGrace;
        uint32 unstakeDelay;
        uint16 slashRequesterBps;
        uint16 slashBountyBps;
        uint128 slashBountyMax;
        address treasury;
    }

    /// @dev The pool of the stake that is held here; the only one so far.
    uint16 private constant POOL = 0;
    uint256 private constant MAX_TASKS = 100;
    uint256 private constant MAX_QUOTES = 128;
    uint256 private constant ALL_BPS = 10_000;

    Config private _config;
    mapping(address => Generator) private _generators;
    mapping(address generator => mapping(uint256 marketId => Quote)) private _quotes;

    constructor(CoreAddresses memory a) Core(a) {}

    /// @notice Sets roles and settings. Called once, by the proxy's constructor.
    /// @param treasury Where the treasury's part of penalties is credited.
    function initialize(address admin, address governor, address guardian, address treasury) external initializer {
        _initializeCore(admin, governor, guardian);
        _set("treasury", uint160(treasury));
        _set("quoteGrace", 120);
        _set("unstakeDelay", 7 days);
        _set("slashRequesterBps", 5000);
        _set("slashBountyBps", 1000);
        _set("slashBountyMax", 100 ether);
    }

    // ---- the generator's calls

    /// @inheritdoc IGeneratorRegistry
    function register(address rewardAddress, uint64 compute, bytes calldata metadata) external {
        Generator storage g = _generators[msg.sender];
        if (g.rewardAddress != address(0)) revert GeneratorExists();
        _requireRewardAddress(rewardAddress);
        g.rewardAddress = rewardAddress;
        g.compute = compute;
        emit GeneratorRegistered(msg.sender, rewardAddress, compute, metadata);
    }

    /// @inheritdoc IGeneratorRegistry
    function stake(address generator, uint256 amount) external nonReentrant {
        Generator storage g = _staying(generator);
        if (amount == 0) revert ZeroAmount();
        g.stake = (g.stake + amount).toUint128();
        g.freeStake += uint128(amount);
        _emitStake(generator, g);
        _token().safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IGeneratorRegistry
    function requestUnstake(uint256 amount) external {
        Generator storage g = _staying(msg.sender);
        if (amount == 0) revert ZeroAmount();
        if (amount > g.stake - g.unstaking) revert StakeShort();
        _giveNotice(g, g.unstaking + uint128(amount));
    }

    /// @inheritdoc IGeneratorRegistry
    function unstake() external nonReentrant {
        Generator storage g = _known(msg.sender);
        uint128 due = 0;
        if (block.timestamp >= g.payableAt) due = g.unstaking < g.freeStake ? g.unstaking : g.freeStake;
        // A record whose last stake was slashed while it was leaving ends without a payment.
        bool ends = g.leaving && g.stake == due;
        if (due == 0 && !ends) revert NothingDue();
        g.stake -= due;
        g.freeStake -= due;
        g.unstaking -= due;
        _emitStake(msg.sender, g);
        if (ends) delete _generators[msg.sender];
        if (due != 0) _token().safeTransfer(msg.sender, due);
    }

    /// @inheritdoc IGeneratorRegistry
    function setCompute(uint64 compute) external {
        Generator storage g = _staying(msg.sender);
        if (block.timestamp < g.computeFrom) revert QuoteChangedTooSoon();
        if (compute < g.computeUsed) revert StillInUse();
        uint256 from = block.timestamp;
        if (compute < g.compute) {
            from += _config.quoteGrace;
            g.oldCompute = g.compute;
            g.computeFrom = uint40(from);
        }
        g.compute = compute;
        emit ComputeChanged(msg.sender, compute, uint64(from));
    }

    /// @inheritdoc IGeneratorRegistry
    function joinMarket(uint256 marketId, uint128 price, uint32 responseTime, uint64 computePerRequest) external {
        Generator storage g = _staying(msg.sender);
        MarketView memory m = IProofMarketplace(marketplace).marketOf(marketId);
        if (m.verifier == address(0)) revert MarketUnknown();
        if (m.closed) revert MarketIsClosed();
        if (g.stake < m.penalty) revert StakeShort();
        if (g.quotes == MAX_QUOTES) revert MarketLimit();
        Quote storage q = _quotes[msg.sender][marketId];
        if (q.active || q.tasks != 0 || block.timestamp < q.oldUntil) revert StillInUse();
        g.quotes++;
        q.active = true;
        _setTerms(q, marketId, price, responseTime, computePerRequest);
    }

    /// @inheritdoc IGeneratorRegistry
    function updateQuote(uint256 marketId, uint128 price, uint32 responseTime, uint64 computePerRequest) external {
        Quote storage q = _changing(marketId);
        _setTerms(q, marketId, price, responseTime, computePerRequest);
    }

    /// @inheritdoc IGeneratorRegistry
    function leaveMarket(uint256 marketId) external {
        Quote storage q = _changing(marketId);
        q.active = false;
        _generators[msg.sender].quotes--;
        emit QuoteRemoved(msg.sender, marketId, true);
    }

    /// @inheritdoc IGeneratorRegistry
    function setRewardAddress(address rewardAddress) external {
        Generator storage g = _known(msg.sender);
        _requireRewardAddress(rewardAddress);
        g.rewardAddress = rewardAddress;
        emit RewardAddressSet(msg.sender, rewardAddress);
    }

    /// @inheritdoc IGeneratorRegistry
    function deregister() external {
        Generator storage g = _staying(msg.sender);
        if (g.quotes != 0 || g.freeStake != g.stake) revert StillInUse();
        g.leaving = true;
        emit GeneratorDeregistered(msg.sender);
        _giveNotice(g, g.stake);
        if (g.stake == 0) delete _generators[msg.sender];
    }

    // ---- the marketplace's calls

    /// @inheritdoc IGeneratorRegistry
    function lock(address generator, uint256 marketId, uint128 price, uint32 responseTime, uint128 penalty)
        external
        onlyMarketplace
        returns (bytes4 reason, uint16 pool, uint64 compute)
    {
        Generator storage g = _generators[generator];
        Quote storage q = _quotes[generator][marketId];
        if (q.tasks == MAX_TASKS) reason = TaskLimit.selector;
        else (reason, compute) = _pick(g, q, price, responseTime);
        if (reason == 0 && g.freeStake < penalty) reason = StakeShort.selector;
        if (reason != 0) {
            return (g.rewardAddress == address(0) ? GeneratorUnknown.selector : reason, POOL, 0);
        }
        g.freeStake -= penalty;
        g.computeUsed += compute;
        q.tasks++;
        return (0, POOL, compute);
    }

    /// @inheritdoc IGeneratorRegistry
    function release(address generator, uint256 marketId, uint16, uint64 compute, uint128 penalty)
        external
        onlyMarketplace
        returns (address rewardAddress)
    {
        Generator storage g = _generators[generator];
        g.freeStake += penalty;
        g.computeUsed -= compute;
        _quotes[generator][marketId].tasks--;
        return g.rewardAddress;
    }

    /// @inheritdoc IGeneratorRegistry
    function slash(
        address generator,
        uint256 marketId,
        uint16,
        uint64 compute,
        uint128 penalty,
        address requester,
        address slasher
    ) external onlyMarketplace returns (uint128 toRequester, uint128 toSlasher, uint128 toTreasury) {
        Generator storage g = _generators[generator];
        g.computeUsed -= compute;
        _quotes[generator][marketId].tasks--;
        g.stake -= penalty;
        if (g.unstaking > g.stake) g.unstaking = g.stake;

        Config memory c = _config;
        if (requester != address(0)) toRequester = uint128(uint256(penalty) * c.slashRequesterBps / ALL_BPS);
        if (slasher != generator && slasher != g.rewardAddress) {
            uint128 bounty = uint128(uint256(penalty) * c.slashBountyBps / ALL_BPS);
            toSlasher = bounty < c.slashBountyMax ? bounty : c.slashBountyMax;
        }
        toTreasury = penalty - toRequester - toSlasher;
        _credit(requester, toRequester);
        _credit(slasher, toSlasher);
        _credit(c.treasury, toTreasury);
    }

    // ---- views

    /// @inheritdoc IGeneratorRegistry
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
        )
    {
        Generator storage g = _generators[generator];
        compute = block.timestamp < g.computeFrom ? g.oldCompute : g.compute;
        return (g.rewardAddress, g.stake, g.stake - g.freeStake, g.unstaking, compute, g.computeUsed);
    }

    /// @inheritdoc IGeneratorRegistry
    function quoteOf(address generator, uint256 marketId)
        external
        view
        returns (uint128 price, uint32 responseTime, uint64 computePerRequest, uint32 activeTasks, bool active)
    {
        Quote storage q = _quotes[generator][marketId];
        return (q.price, q.responseTime, q.compute, q.tasks, q.active);
    }

    /// @inheritdoc IGeneratorRegistry
    function payableAt(address generator) external view returns (uint64) {
        return _payableAt(_generators[generator]);
    }

    // ---- settings

    /// @inheritdoc ISettings
    function setSetting(bytes32 name, uint256 value) external onlyRole(GOVERNOR_ROLE) {
        // Stake has to stay longer than any task it may back.
        if (name == "unstakeDelay" && value <= ISettings(marketplace).setting("maxTime")) revert SettingOutOfRange();
        _set(name, value);
    }

    /// @inheritdoc ISettings
    function setting(bytes32 name) external view returns (uint256) {
        if (name == "quoteGrace") return _config.quoteGrace;
        if (name == "unstakeDelay") return _config.unstakeDelay;
        if (name == "slashRequesterBps") return _config.slashRequesterBps;
        if (name == "slashBountyBps") return _config.slashBountyBps;
        if (name == "slashBountyMax") return _config.slashBountyMax;
        if (name == "treasury") return uint160(_config.treasury);
        revert SettingUnknown();
    }

    function _set(bytes32 name, uint256 value) private {
        if (name == "quoteGrace") {
            _requireRange(value, 1, 1 hours);
            _config.quoteGrace = uint32(value);
        } else if (name == "unstakeDelay") {
            _requireRange(value, 1, 90 days);
            _config.unstakeDelay = uint32(value);
        } else if (name == "slashRequesterBps") {
            _requireRange(value, 0, ALL_BPS - _config.slashBountyBps);
            _config.slashRequesterBps = uint16(value);
        } else if (name == "slashBountyBps") {
            _requireRange(value, 0, ALL_BPS - _config.slashRequesterBps);
            _config.slashBountyBps = uint16(value);
        } else if (name == "slashBountyMax") {
            _requireRange(value, 0, type(uint128).max);
            _config.slashBountyMax = uint128(value);
        } else if (name == "treasury") {
            _config.treasury = _asTreasury(value);
        } else {
            revert SettingUnknown();
        }
        emit SettingSet(name, value);
    }

    // ---- inside

    modifier onlyMarketplace() {
        if (msg.sender != marketplace) revert NotMarketplace();
        _;
    }

    function _token() internal view override returns (IERC20) {
        return IERC20(stakeToken);
    }

    function _requireRewardAddress(address account) private view {
        if (account == address(0) || _isOurs(account)) revert BadRewardAddress();
    }

    function _known(address generator) private view returns (Generator storage g) {
        g = _generators[generator];
        if (g.rewardAddress == address(0)) revert GeneratorUnknown();
    }

    /// @dev A generator that isn't leaving.
    function _staying(address generator) private view returns (Generator storage g) {
        g = _known(generator);
        if (g.leaving) revert GeneratorUnknown();
    }

    /// @dev The caller's quote, about to change: keeps its terms for `quoteGrace`.
    function _changing(uint256 marketId) private returns (Quote storage q) {
        q = _quotes[msg.sender][marketId];
        if (!q.active) revert QuoteInactive();
        if (block.timestamp < q.oldUntil) revert QuoteChangedTooSoon();
        q.oldPrice = q.price;
        q.oldCompute = q.compute;
        q.oldResponseTime = q.responseTime;
        q.oldUntil = uint40(block.timestamp + _config.quoteGrace);
    }

    function _setTerms(Quote storage q, uint256 marketId, uint128 price, uint32 responseTime, uint64 compute) private {
        if (responseTime == 0 || responseTime > ISettings(marketplace).setting("maxTime")) revert TimeOutOfRange();
        q.price = price;
        q.compute = compute;
        q.responseTime = uint24(responseTime);
        emit QuoteSet(msg.sender, marketId, price, responseTime, compute);
    }

    /// @dev Which terms of the quote an assignment was made on: the current ones, or those before the last change; and
    /// the first that there is compute for, if it may be either.
    function _pick(Generator storage g, Quote storage q, uint128 price, uint32 responseTime)
        private
        view
        returns (bytes4 reason, uint64 compute)
    {
        bool current = q.active && q.price == price && q.responseTime == responseTime;
        if (current && _fits(g, q.compute)) return (0, q.compute);
        bool grace = block.timestamp < q.oldUntil;
        bool old = grace && q.oldPrice == price && q.oldResponseTime == responseTime;
        if (old && _fits(g, q.oldCompute)) return (0, q.oldCompute);
        if (current || old) return (ComputeShort.selector, 0);
        return (q.active || grace ? TermsMismatch.selector : QuoteInactive.selector, 0);
    }

    function _fits(Generator storage g, uint64 compute) private view returns (bool) {
        uint256 used = uint256(g.computeUsed) + compute;
        return used <= g.compute || (block.timestamp < g.computeFrom && used <= g.oldCompute);
    }

    function _giveNotice(Generator storage g, uint128 unstaking) private {
        g.unstaking = unstaking;
        g.payableAt = uint40(block.timestamp + _config.unstakeDelay);
        _emitStake(msg.sender, g);
    }

    function _payableAt(Generator storage g) private view returns (uint64) {
        return g.unstaking == 0 ? 0 : g.payableAt;
    }

    function _emitStake(address generator, Generator storage g) private {
        emit StakeChanged(generator, POOL, g.stake, g.stake - g.freeStake, g.unstaking, _payableAt(g));
    }
}
