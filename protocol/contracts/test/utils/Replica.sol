// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {PausableUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/PausableUpgradeable.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Vm} from "../../script/Vm.sol";
import {IClaims} from "../../src/interfaces/IClaims.sol";
import {ICore} from "../../src/interfaces/ICore.sol";
import {IEntityKeyRegistry} from "../../src/interfaces/IEntityKeyRegistry.sol";
import {IGeneratorRegistry} from "../../src/interfaces/IGeneratorRegistry.sol";
import {
    IProofMarketplace,
    MarketParams,
    MarketView,
    RequestParams,
    RequestState,
    RequestView
} from "../../src/interfaces/IProofMarketplace.sol";
import {ISettings} from "../../src/interfaces/ISettings.sol";
import {Assert} from "./Assert.sol";

/// @title The state of all three core contracts, rebuilt from their logs and from nothing else.
/// @notice `apply_` reads logs and calls nothing; `compare` holds what came out against the views. A log that can't
/// follow from the state before it (a second end of a request, a release without a lock) fails on the spot.
contract Replica is Assert {
    struct Generator {
        address rewardAddress;
        uint256 stake;
        uint256 locked;
        uint256 unstaking;
        uint64 payableAt;
        uint64 oldCompute;
        uint64 compute;
        uint64 computeFrom;
        uint64 computeUsed;
        bool leaving;
    }

    struct Quote {
        uint128 price;
        uint32 responseTime;
        uint64 compute;
        uint32 tasks;
        bool active;
    }

    struct EngineKey {
        uint64 from;
        uint64 until;
        bytes encryptionKey;
    }

    struct Role {
        address core;
        bytes32 role;
        address account;
    }

    address private immutable _market;
    address private immutable _registry;
    address private immutable _keys;

    mapping(bytes32 topic => uint256) public seen;
    mapping(address core => mapping(bytes32 name => uint256)) private _settings;
    mapping(address core => bytes32[]) private _settingNames;
    mapping(bytes32 key => bool) private _hasRole;
    Role[] private _roles;
    bool private _paused;
    MarketView[] private _markets;
    RequestView[] private _requests;
    address private _slasher;
    mapping(address core => mapping(address account => uint256)) private _claimable;
    address[] private _accounts;
    mapping(address account => bool) private _isAccount;
    mapping(address account => uint256[]) private _nonces;
    uint256[] private _batches;
    mapping(address => Generator) private _generators;
    address[] private _generatorList;
    mapping(address generator => bool) private _isListed;
    mapping(address generator => mapping(uint256 marketId => Quote)) private _quotes;
    mapping(address signer => EngineKey) private _engineKeys;
    address[] private _signers;
    mapping(address key => bool) private _keyRevoked;
    bytes32[] private _revokedImages;

    constructor(address market, address registry, address keys) {
        (_market, _registry, _keys) = (market, registry, keys);
        _markets.push();
        _requests.push();
    }

    // ---- reading

    function apply_(Vm.Log[] calldata logs) external {
        for (uint256 i = 0; i < logs.length; i++) {
            Vm.Log calldata log = logs[i];
            if (log.emitter != _market && log.emitter != _registry && log.emitter != _keys) continue;
            seen[log.topics[0]]++;
            if (_applyCommon(log)) continue;
            if (log.emitter == _market) _applyMarket(log);
            else if (log.emitter == _registry) _applyRegistry(log);
            else _applyKeys(log);
        }
    }

    function _applyCommon(Vm.Log calldata log) private returns (bool) {
        bytes32 topic = log.topics[0];
        if (topic == ISettings.SettingSet.selector) {
            bytes32 name = log.topics[1];
            if (_settings[log.emitter][name] == 0) _settingNames[log.emitter].push(name);
            _settings[log.emitter][name] = abi.decode(log.data, (uint256));
        } else if (topic == IClaims.Withdrawn.selector) {
            _debit(log.emitter, _address(log.topics[1]), abi.decode(log.data, (uint256)));
        } else if (topic == IAccessControl.RoleGranted.selector || topic == IAccessControl.RoleRevoked.selector) {
            Role memory role = Role(log.emitter, log.topics[1], _address(log.topics[2]));
            _hasRole[keccak256(abi.encode(role))] = topic == IAccessControl.RoleGranted.selector;
            _roles.push(role);
        } else {
            return false;
        }
        return true;
    }

    function _applyMarket(Vm.Log calldata log) private {
        bytes32 topic = log.topics[0];
        if (topic == IProofMarketplace.MarketCreated.selector) {
            _marketCreated(log);
        } else if (topic == IProofMarketplace.RequestCreated.selector) {
            _requestCreated(log);
        } else if (topic == IProofMarketplace.TaskCreated.selector) {
            _taskCreated(log);
        } else if (topic == IProofMarketplace.ProofSubmitted.selector) {
            _proofSubmitted(log);
        } else if (topic == IProofMarketplace.TaskSlashed.selector) {
            _taskSlashed(log);
        } else if (topic == IProofMarketplace.PenaltyPaid.selector) {
            _penaltyPaid(log);
        } else if (topic == IProofMarketplace.RequestCancelled.selector) {
            _requestCancelled(log);
        } else if (topic == IProofMarketplace.MarketClosed.selector) {
            _markets[uint256(log.topics[1])].closed = true;
        } else if (topic == IProofMarketplace.MarketOwnerSet.selector) {
            _markets[uint256(log.topics[1])].owner = _address(log.topics[2]);
        } else if (topic == IProofMarketplace.NonceUsed.selector) {
            _nonces[_account(log.topics[1])].push(abi.decode(log.data, (uint256)));
        } else if (topic == IProofMarketplace.MatchRootPublished.selector) {
            _batches.push(uint256(log.topics[1]));
        } else if (topic == PausableUpgradeable.Paused.selector) {
            _paused = true;
        } else if (topic == PausableUpgradeable.Unpaused.selector) {
            _paused = false;
        }
    }

    function _marketCreated(Vm.Log calldata log) private {
        (MarketParams memory p, uint256 fee, uint64 activeFrom) = abi.decode(log.data, (MarketParams, uint256, uint64));
        assertEq(uint256(log.topics[1]), _markets.length, "market ids follow each other");
        _markets.push(
            MarketView({
                owner: _address(log.topics[2]),
                verifier: p.verifier,
                penalty: p.penalty,
                maxInputBytes: p.maxInputBytes,
                protocol: p.protocol,
                auctionWindow: p.auctionWindow,
                activeFrom: activeFrom,
                closed: false,
                confidential: p.proverImages.length != 0,
                disputable: p.proverImages.length + p.inputVerifierImages.length != 0
            })
        );
        _credit(_market, _treasury(_market), fee);
    }

    function _requestCreated(Vm.Log calldata log) private {
        (address payer, uint256 fee, RequestParams memory p, bytes memory inputs,,) =
            abi.decode(log.data, (address, uint256, RequestParams, bytes, bytes, bytes));
        assertEq(uint256(log.topics[1]), _requests.length, "request ids follow each other");
        RequestView storage v = _requests.push();
        v.state = RequestState.Open;
        v.marketId = uint256(log.topics[2]);
        v.requester = _address(log.topics[3]);
        v.refundTo = p.refundTo == address(0) ? payer : p.refundTo;
        v.maxPrice = p.maxPrice;
        v.expiry = p.expiry;
        v.inputsHash = keccak256(inputs);
        _credit(_market, _treasury(_market), fee);
    }

    function _taskCreated(Vm.Log calldata log) private {
        (uint128 price, uint64 compute, uint16 pool, uint64 deadline,) =
            abi.decode(log.data, (uint128, uint64, uint16, uint64, bytes));
        RequestView storage v = _end(log, RequestState.Open, RequestState.Assigned);
        v.generator = _address(log.topics[2]);
        (v.price, v.compute, v.pool, v.deadline, v.expiry) = (price, compute, pool, deadline, 0);
        assertEq(uint256(log.topics[3]), v.marketId, "the task's market");
        _generators[v.generator].locked += _markets[v.marketId].penalty;
        _generators[v.generator].computeUsed += compute;
        _quotes[v.generator][v.marketId].tasks++;
    }

    function _proofSubmitted(Vm.Log calldata log) private {
        (uint128 paid, uint128 refund,) = abi.decode(log.data, (uint128, uint128, bytes));
        RequestView storage v = _end(log, RequestState.Assigned, RequestState.Fulfilled);
        _release(v);
        assertEq(uint256(paid) + refund, v.maxPrice, "paid and refund are the cap");
        _credit(_market, _generators[v.generator].rewardAddress, paid);
        _credit(_market, v.refundTo, refund);
    }

    function _taskSlashed(Vm.Log calldata log) private {
        (, uint128 penalty, uint128 refund) = abi.decode(log.data, (uint16, uint128, uint128));
        RequestView storage v = _end(log, RequestState.Assigned, RequestState.Slashed);
        _release(v);
        Generator storage g = _generators[v.generator];
        g.stake -= penalty;
        if (g.unstaking > g.stake) g.unstaking = g.stake;
        _credit(_market, v.refundTo, refund);
        _slasher = _address(log.topics[3]);
    }

    function _penaltyPaid(Vm.Log calldata log) private {
        (uint128 toRequester, uint128 toSlasher, uint128 toTreasury) = abi.decode(log.data, (uint128, uint128, uint128));
        _credit(_registry, _requests[uint256(log.topics[1])].refundTo, toRequester);
        _credit(_registry, _slasher, toSlasher);
        _credit(_registry, _treasury(_registry), toTreasury);
    }

    function _requestCancelled(Vm.Log calldata log) private {
        RequestView storage v = _end(log, RequestState.Open, RequestState.Cancelled);
        _credit(_market, v.refundTo, abi.decode(log.data, (uint256)));
    }

    function _applyRegistry(Vm.Log calldata log) private {
        bytes32 topic = log.topics[0];
        if (topic == 0xc7f505b2f371ae2175ee4913f4499e1f2633a7b5936321eed1cdaeb6115181d2) return; // Initialized
        address who = _address(log.topics[1]);
        Generator storage g = _generators[who];
        if (topic == IGeneratorRegistry.GeneratorRegistered.selector) {
            (g.rewardAddress, g.compute,) = abi.decode(log.data, (address, uint64, bytes));
            if (!_isListed[who]) _generatorList.push(who);
            _isListed[who] = true;
        } else if (topic == IGeneratorRegistry.GeneratorDeregistered.selector) {
            g.leaving = true;
        } else if (topic == IGeneratorRegistry.RewardAddressSet.selector) {
            g.rewardAddress = abi.decode(log.data, (address));
        } else if (topic == IGeneratorRegistry.StakeChanged.selector) {
            uint256 locked;
            (g.stake, locked, g.unstaking, g.payableAt) = abi.decode(log.data, (uint256, uint256, uint256, uint64));
            assertEq(locked, g.locked, "locked is the sum of the tasks' penalties");
            if (g.leaving && g.stake == 0) delete _generators[who];
        } else if (topic == IGeneratorRegistry.ComputeChanged.selector) {
            g.oldCompute = g.compute;
            (g.compute, g.computeFrom) = abi.decode(log.data, (uint64, uint64));
        } else if (topic == IGeneratorRegistry.QuoteSet.selector) {
            Quote storage q = _quotes[who][uint256(log.topics[2])];
            (q.price, q.responseTime, q.compute) = abi.decode(log.data, (uint128, uint32, uint64));
            q.active = true;
        } else if (topic == IGeneratorRegistry.QuoteRemoved.selector) {
            _quotes[who][uint256(log.topics[2])].active = false;
        }
    }

    function _applyKeys(Vm.Log calldata log) private {
        bytes32 topic = log.topics[0];
        if (topic == IEntityKeyRegistry.EngineKeySet.selector) {
            address signer = _address(log.topics[1]);
            EngineKey storage k = _engineKeys[signer];
            (k.encryptionKey, k.from, k.until) = abi.decode(log.data, (bytes, uint64, uint64));
            _signers.push(signer);
        } else if (topic == IEntityKeyRegistry.KeyRevoked.selector) {
            _keyRevoked[_address(log.topics[1])] = true;
        } else if (topic == IEntityKeyRegistry.ImageRevoked.selector) {
            _revokedImages.push(log.topics[1]);
        }
    }

    function _end(Vm.Log calldata log, RequestState from, RequestState to) private returns (RequestView storage v) {
        v = _requests[uint256(log.topics[1])];
        assertTrue(v.state == from, "a request goes forward, and ends once");
        v.state = to;
    }

    function _release(RequestView storage v) private {
        Generator storage g = _generators[v.generator];
        g.locked -= _markets[v.marketId].penalty;
        g.computeUsed -= v.compute;
        _quotes[v.generator][v.marketId].tasks--;
    }

    function _credit(address core, address account, uint256 amount) private {
        _claimable[core][_account(bytes32(uint256(uint160(account))))] += amount;
    }

    function _debit(address core, address account, uint256 amount) private {
        assertEq(_claimable[core][account], amount, "all is withdrawn");
        _claimable[core][account] = 0;
    }

    function _treasury(address core) private view returns (address) {
        return address(uint160(_settings[core]["treasury"]));
    }

    function _address(bytes32 word) private pure returns (address) {
        return address(uint160(uint256(word)));
    }

    /// @dev The address, remembered as one that may have a claim or a nonce.
    function _account(bytes32 word) private returns (address account) {
        account = _address(word);
        if (!_isAccount[account]) _accounts.push(account);
        _isAccount[account] = true;
    }

    // ---- comparing

    /// @notice Fails unless all views, and the balances of both tokens, say what the logs said.
    function compare() external view {
        _compareGovernance(_market);
        _compareGovernance(_registry);
        _compareMarketplace();
        _compareRegistry();
        _compareKeys();
        _compareMoney();
    }

    function _compareGovernance(address core) private view {
        bytes32[] storage names = _settingNames[core];
        for (uint256 i = 0; i < names.length; i++) {
            assertEq(ISettings(core).setting(names[i]), _settings[core][names[i]], "setting");
        }
        for (uint256 i = 0; i < _roles.length; i++) {
            Role memory r = _roles[i];
            bool has = IAccessControl(r.core).hasRole(r.role, r.account);
            assertTrue(has == _hasRole[keccak256(abi.encode(r))], "role");
        }
    }

    function _compareMarketplace() private view {
        IProofMarketplace m = IProofMarketplace(_market);
        assertTrue(m.paused() == _paused, "paused");
        assertEq(m.marketCount(), _markets.length - 1, "markets");
        for (uint256 i = 0; i < _markets.length; i++) {
            assertEq(keccak256(abi.encode(m.marketOf(i))), keccak256(abi.encode(_markets[i])), "market");
        }
        assertEq(m.requestCount(), _requests.length - 1, "requests");
        for (uint256 i = 0; i < _requests.length; i++) {
            assertEq(keccak256(abi.encode(m.requestOf(i))), keccak256(abi.encode(_requests[i])), "request");
        }
        for (uint256 i = 0; i < _accounts.length; i++) {
            uint256[] storage nonces = _nonces[_accounts[i]];
            for (uint256 j = 0; j < nonces.length; j++) {
                assertTrue(m.nonceUsed(_accounts[i], nonces[j]), "nonce");
            }
        }
        for (uint256 i = 0; i < _batches.length; i++) {
            assertTrue(m.batchUsed(_batches[i]), "batch");
        }
    }

    function _compareRegistry() private view {
        IGeneratorRegistry r = IGeneratorRegistry(_registry);
        for (uint256 i = 0; i < _generatorList.length; i++) {
            address who = _generatorList[i];
            Generator storage g = _generators[who];
            uint64 compute = block.timestamp < g.computeFrom ? g.oldCompute : g.compute;
            (address rewardAddress, uint256 stake, uint256 locked, uint256 unstaking, uint64 c, uint64 used) =
                r.generatorOf(who);
            assertEq(rewardAddress, g.rewardAddress, "rewardAddress");
            assertEq(stake, g.stake, "stake");
            assertEq(locked, g.locked, "locked");
            assertEq(unstaking, g.unstaking, "unstaking");
            assertEq(c, compute, "compute");
            assertEq(used, g.computeUsed, "computeUsed");
            assertEq(r.payableAt(who), unstaking == 0 ? 0 : g.payableAt, "payableAt");
            for (uint256 id = 1; id < _markets.length; id++) {
                Quote memory q;
                (q.price, q.responseTime, q.compute, q.tasks, q.active) = r.quoteOf(who, id);
                assertEq(keccak256(abi.encode(q)), keccak256(abi.encode(_quotes[who][id])), "quote");
            }
        }
    }

    function _compareKeys() private view {
        IEntityKeyRegistry k = IEntityKeyRegistry(_keys);
        bytes memory encryptionKey;
        for (uint256 i = 0; i < _signers.length; i++) {
            address signer = _signers[i];
            EngineKey storage key = _engineKeys[signer];
            bool valid = key.from <= block.timestamp && block.timestamp < key.until && !_keyRevoked[signer];
            assertTrue(k.isEngine(signer) == valid, "engine");
            assertTrue(k.isKeyRevoked(signer) == _keyRevoked[signer], "key revoked");
            if (valid && key.encryptionKey.length != 0) encryptionKey = key.encryptionKey;
        }
        assertEq(keccak256(k.encryptionKey()), keccak256(encryptionKey), "encryptionKey");
        for (uint256 i = 0; i < _revokedImages.length; i++) {
            assertTrue(k.isImageRevoked(_revokedImages[i]), "image revoked");
        }
    }

    function _compareMoney() private view {
        uint256 payment = 0;
        uint256 staked = 0;
        for (uint256 i = 0; i < _accounts.length; i++) {
            address account = _accounts[i];
            assertEq(IClaims(_market).claimable(account), _claimable[_market][account], "claimable payment");
            assertEq(IClaims(_registry).claimable(account), _claimable[_registry][account], "claimable stake");
            payment += _claimable[_market][account];
            staked += _claimable[_registry][account];
        }
        for (uint256 i = 0; i < _requests.length; i++) {
            RequestState state = _requests[i].state;
            if (state == RequestState.Open || state == RequestState.Assigned) payment += _requests[i].maxPrice;
        }
        for (uint256 i = 0; i < _generatorList.length; i++) {
            staked += _generators[_generatorList[i]].stake;
        }
        assertEq(IERC20(ICore(_market).paymentToken()).balanceOf(_market), payment, "payment tokens");
        assertEq(IERC20(ICore(_market).stakeToken()).balanceOf(_registry), staked, "stake tokens");
    }
}
