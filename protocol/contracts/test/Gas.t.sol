// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {vm} from "../script/Vm.sol";
import {Assignment, Decision, RequestParams} from "../src/interfaces/IProofMarketplace.sol";
import {Base} from "./utils/Base.sol";

contract GasTest is Base {
    event log_named_uint(string key, uint256 val);

    function setUp() public override {
        super.setUp();
        prove(createTask());
        createRequest();
    }

    function proof256() internal pure returns (bytes memory b) {
        for (uint256 i; i < 8; i++) {
            b = bytes.concat(b, keccak256(abi.encode(i)));
        }
    }

    function measured(string memory name, uint256 n) internal {
        uint256 gas = vm.lastCallGas().gasTotalUsed;
        emit log_named_uint(name, gas / n);
    }

    function test_create() public {
        createRequest();
        measured("create", 1);
    }

    function test_create16() public {
        RequestParams[] memory r = new RequestParams[](16);
        for (uint256 i; i < 16; i++) {
            r[i] = requestParams();
        }
        vm.prank(requester);
        market.createRequests(r, repeat(inputs, 16), repeat("", 16), repeat("", 16));
        measured("create16", 16);
    }

    function test_assign1() public {
        uint256 id = createRequest();
        assign(assignment(id));
        measured("assign1", 1);
    }

    function test_assign32() public {
        Assignment[] memory a = new Assignment[](32);
        for (uint160 i; i < 32; i++) {
            address g = address(0x10000 + i);
            addGenerator(g, rewardAddress, 1000 ether, 1000);
            join(g, PRICE, RESPONSE_TIME, COMPUTE);
            // has had a task
            assign(Assignment(createRequest(), g, PRICE, RESPONSE_TIME, ""));
            a[i] = Assignment(createRequest(), g, PRICE, RESPONSE_TIME, "");
        }
        Decision memory d = decision();
        bytes memory s = signAssignments(ENGINE_KEY, address(market), a, d);
        market.assignTasks(a, d, s);
        measured("assign32", 32);
    }

    function test_assign32_one() public {
        Assignment[] memory a = new Assignment[](32);
        for (uint160 i; i < 32; i++) {
            a[i] = assignment(createRequest());
        }
        assign(a);
        measured("assign32_one", 32);
    }

    function test_prove() public {
        uint256 id = createTask();
        market.submitProof(id, inputs, proof256());
        measured("prove", 1);
    }

    function test_prove16() public {
        uint256[] memory ids = new uint256[](16);
        for (uint160 i; i < 16; i++) {
            ids[i] = createTask();
        }
        market.submitProofs(ids, repeat(inputs, 16), repeat(proof256(), 16));
        measured("prove16", 16);
    }
}
