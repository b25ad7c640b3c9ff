// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {PausableUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/PausableUpgradeable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IProofMarketplace, MarketParams, MarketView, Protocol} from "../interfaces/IProofMarketplace.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {ISettings} from "../interfaces/ISettings.sol";
import {MarketState} from "./MarketState.sol";

/// @title Markets, settings and the pause.
abstract contract Markets is MarketState, PausableUpgradeable {
    using SafeERC20 for IERC20;

    uint256 private constant MAX_INPUT_BYTES = 32 * 1024;
    uint256 private constant MAX_METADATA_BYTES = 4096;

    // ---- markets

    /// @inheritdoc IProofMarketplace
    function createMarket(MarketParams calldata p) external whenNotPaused nonReentrant returns (uint256 marketId) {
        if (p.protocol != Protocol.OrderBook) revert NotAvailable();
        if (p.proverImages.length != 0 || p.inputVerifierImages.length != 0) revert NotAvailable();
        if (p.penalty == 0) revert ZeroPenalty();
        if (p.maxInputBytes > MAX_INPUT_BYTES) revert InputsTooLong();
        if (p.metadata.length == 0 || p.metadata.length > MAX_METADATA_BYTES) revert MetadataLength();
        if (p.auctionWindow != 0) revert TimeOutOfRange();
        bytes memory question = abi.encodeCall(IProofVerifier.checkSample, ());
        if (!_verifierSaysYes(p.verifier, _counters.verifierGas, question)) revert SampleRejected();

        marketId = ++_counters.markets;
        uint256 fee = _config.creationFee;
        uint256 activeFrom = block.timestamp + _config.activationDelay;
        Market storage m = _markets[marketId];
        m.verifier = p.verifier;
        m.activeFrom = uint40(activeFrom);
        m.maxInputBytes = uint16(p.maxInputBytes);
        m.penalty = p.penalty;
        m.owner = msg.sender;
        emit MarketCreated(marketId, msg.sender, p, fee, uint64(activeFrom));

        if (fee == 0) return marketId;
        _credit(_config.treasury, fee);
        _token().safeTransferFrom(msg.sender, address(this), fee);
    }

    /// @inheritdoc IProofMarketplace
    function closeMarket(uint256 marketId) external onlyMarketOwner(marketId) {
        Market storage m = _markets[marketId];
        if (m.closed) revert MarketIsClosed();
        m.closed = true;
        emit MarketClosed(marketId);
    }

    /// @inheritdoc IProofMarketplace
    function setMarketOwner(uint256 marketId, address owner) external onlyMarketOwner(marketId) {
        _markets[marketId].owner = owner;
        emit MarketOwnerSet(marketId, owner);
    }

    /// @inheritdoc IProofMarketplace
    function marketOf(uint256 marketId) external view returns (MarketView memory) {
        Market storage m = _markets[marketId];
        return MarketView({
            owner: m.owner,
            verifier: m.verifier,
            penalty: m.penalty,
            maxInputBytes: m.maxInputBytes,
            protocol: m.protocol,
            auctionWindow: m.auctionWindow,
            activeFrom: m.activeFrom,
            closed: m.closed,
            confidential: m.confidential,
            disputable: m.disputable
        });
    }

    /// @inheritdoc IProofMarketplace
    function marketCount() external view returns (uint256) {
        return _counters.markets;
    }

    modifier onlyMarketOwner(uint256 marketId) {
        Market storage m = _markets[marketId];
        if (m.verifier == address(0)) revert MarketUnknown();
        if (m.owner != msg.sender) revert NotMarketOwner();
        _;
    }

    // ---- governance

    /// @inheritdoc IProofMarketplace
    function pause() external onlyRole(GUARDIAN_ROLE) {
        _pause();
    }

    /// @inheritdoc IProofMarketplace
    function unpause() external onlyRole(GUARDIAN_ROLE) {
        _unpause();
    }

    /// @inheritdoc IProofMarketplace
    function paused() public view override(IProofMarketplace, PausableUpgradeable) returns (bool) {
        return _counters.paused;
    }

    /// @dev Kept where creating a request reads it anyway.
    function _pause() internal override whenNotPaused {
        _counters.paused = true;
        emit Paused(msg.sender);
    }

    function _unpause() internal override whenPaused {
        _counters.paused = false;
        emit Unpaused(msg.sender);
    }

    /// @inheritdoc ISettings
    function setSetting(bytes32 name, uint256 value) external onlyRole(GOVERNOR_ROLE) {
        // Stake has to stay longer than any task it may back.
        if (name == "maxTime" && value >= ISettings(registry).setting("unstakeDelay")) revert SettingOutOfRange();
        _set(name, value);
    }

    /// @inheritdoc ISettings
    function setting(bytes32 name) external view returns (uint256) {
        if (name == "maxTime") return _counters.maxTime;
        if (name == "verifierGas") return _counters.verifierGas;
        if (name == "feePerByte") return _counters.feePerByte;
        if (name == "creationFee") return _config.creationFee;
        if (name == "activationDelay") return _config.activationDelay;
        if (name == "imageDelay") return _config.imageDelay;
        if (name == "treasury") return uint160(_config.treasury);
        revert SettingUnknown();
    }

    function _set(bytes32 name, uint256 value) internal {
        if (name == "maxTime") {
            _requireRange(value, 1, _config.imageDelay - 1);
            _counters.maxTime = uint32(value);
        } else if (name == "verifierGas") {
            _requireRange(value, 100_000, 10_000_000);
            if (value % 1000 != 0) revert SettingOutOfRange();
            _counters.verifierGas = uint32(value);
        } else if (name == "feePerByte") {
            _requireRange(value, 0, type(uint64).max);
            _counters.feePerByte = uint64(value);
        } else if (name == "creationFee") {
            _requireRange(value, 0, type(uint96).max);
            _config.creationFee = uint96(value);
        } else if (name == "activationDelay") {
            _requireRange(value, 0, 30 days);
            _config.activationDelay = uint32(value);
        } else if (name == "imageDelay") {
            _requireRange(value, uint256(_counters.maxTime) + 1, 30 days);
            _config.imageDelay = uint32(value);
        } else if (name == "treasury") {
            _config.treasury = _asTreasury(value);
        } else {
            revert SettingUnknown();
        }
        emit SettingSet(name, value);
    }
}
