// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {PausableUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/PausableUpgradeable.sol";

import {IClaims} from "../src/interfaces/IClaims.sol";
import {IEntityKeyRegistry} from "../src/interfaces/IEntityKeyRegistry.sol";
import {IGeneratorRegistry} from "../src/interfaces/IGeneratorRegistry.sol";
import {IProofMarketplace} from "../src/interfaces/IProofMarketplace.sol";
import {ISettings} from "../src/interfaces/ISettings.sol";
import {History} from "./utils/History.sol";

/// @title Event completeness: the logs alone give the whole state.
contract RebuildTest is History {
    /// @notice One long history in which everything happens.
    function test_theLogsOfALongHistoryAreTheWholeState() public {
        for (uint256 i = 0; i < 1500; i++) {
            this.step(uint256(keccak256(abi.encode("history", i)))); // a call of its own, for memory of its own
            if (i % 100 == 0) replica.compare();
        }
        replica.compare();
        checkLocks();
        checkThatAllHappened();
    }

    /// forge-config: default.fuzz.runs = 96
    function testFuzz_theLogsOfAnyHistoryAreTheWholeState(uint256 seed) public {
        for (uint256 i = 0; i < 40; i++) {
            this.step(uint256(keccak256(abi.encode(seed, i))));
        }
        replica.compare();
        checkLocks();
    }

    /// @dev A history in which little happens shows little.
    function checkThatAllHappened() internal view {
        bytes32[29] memory events = [
            ISettings.SettingSet.selector,
            IClaims.Withdrawn.selector,
            PausableUpgradeable.Paused.selector,
            PausableUpgradeable.Unpaused.selector,
            IProofMarketplace.MarketCreated.selector,
            IProofMarketplace.MarketOwnerSet.selector,
            IProofMarketplace.MarketClosed.selector,
            IProofMarketplace.RequestCreated.selector,
            IProofMarketplace.RequestCancelled.selector,
            IProofMarketplace.CancelSkipped.selector,
            IProofMarketplace.TaskCreated.selector,
            IProofMarketplace.AssignmentSkipped.selector,
            IProofMarketplace.MatchRootPublished.selector,
            IProofMarketplace.ProofSubmitted.selector,
            IProofMarketplace.ProofSkipped.selector,
            IProofMarketplace.TaskSlashed.selector,
            IProofMarketplace.PenaltyPaid.selector,
            IProofMarketplace.SlashSkipped.selector,
            IProofMarketplace.NonceUsed.selector,
            IGeneratorRegistry.GeneratorRegistered.selector,
            IGeneratorRegistry.GeneratorDeregistered.selector,
            IGeneratorRegistry.RewardAddressSet.selector,
            IGeneratorRegistry.StakeChanged.selector,
            IGeneratorRegistry.ComputeChanged.selector,
            IGeneratorRegistry.QuoteSet.selector,
            IGeneratorRegistry.QuoteRemoved.selector,
            IEntityKeyRegistry.EngineKeySet.selector,
            IEntityKeyRegistry.KeyRevoked.selector,
            IEntityKeyRegistry.ImageRevoked.selector
        ];
        for (uint256 i = 0; i < events.length; i++) {
            assertTrue(replica.seen(events[i]) != 0, "an event that never happened");
        }
        assertTrue(replica.seen(IProofMarketplace.TaskCreated.selector) > 60, "tasks");
        assertTrue(replica.seen(IProofMarketplace.ProofSubmitted.selector) > 40, "proofs");
        assertTrue(replica.seen(IProofMarketplace.TaskSlashed.selector) > 20, "slashes");
    }
}
