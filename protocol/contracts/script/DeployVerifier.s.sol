// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Deployment} from "./Deployment.sol";
import {vm} from "./Vm.sol";

/// @title Deploys what snarkjs exported, and a Groth16ProofVerifier around it.
/// @notice Environment (deploy-verifier.sh sets it):
/// KALYPSO_DEPLOYER_KEY   private key that deploys
/// KALYPSO_OUT            JSON file to write: chainId, Groth16ProofVerifier, exported
/// KALYPSO_EXPORTED_CODE  initcode of the exported verifier
/// KALYPSO_INPUT_COUNT    how many public signals it takes
/// KALYPSO_SAMPLE_INPUTS, KALYPSO_SAMPLE_PROOF   the sample that the verifier carries
contract DeployVerifier is Deployment {
    /// @dev To be called by build.sh, which wants the script compiled and not run.
    bool public constant IS_SCRIPT = true;

    function run() external {
        vm.startBroadcast(vm.envUint("KALYPSO_DEPLOYER_KEY"));
        address exported = createCode(vm.envBytes("KALYPSO_EXPORTED_CODE"));
        address verifier = create(
            "Groth16ProofVerifier.sol:Groth16ProofVerifier",
            abi.encode(
                exported,
                vm.envUint("KALYPSO_INPUT_COUNT"),
                vm.envBytes("KALYPSO_SAMPLE_INPUTS"),
                vm.envBytes("KALYPSO_SAMPLE_PROOF")
            )
        );
        vm.stopBroadcast();

        vm.serializeUint("out", "chainId", block.chainid);
        vm.serializeAddress("out", "Groth16ProofVerifier", verifier);
        vm.writeJson(vm.serializeAddress("out", "exported", exported), vm.envString("KALYPSO_OUT"));
    }
}
