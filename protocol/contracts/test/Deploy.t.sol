// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TokenCheck} from "../script/TokenCheck.sol";
import {vm} from "../script/Vm.sol";
import {PaymentToken} from "../src/tokens/PaymentToken.sol";
import {StakeToken} from "../src/tokens/StakeToken.sol";
import {Assert} from "./utils/Assert.sol";
import {FeeToken, RebasingToken} from "./utils/Tokens.sol";

/// @title Which tokens the deployment script takes. The script itself is run by test.sh, against a node.
contract DeployTest is Assert, TokenCheck {
    function check(address token) external {
        checkToken(token);
    }

    function test_plainTokensAreTaken() public {
        PaymentToken payment = new PaymentToken();
        StakeToken staking = new StakeToken();
        uint256 time = block.timestamp;
        checkToken(address(payment));
        checkToken(address(staking));
        assertEq(block.timestamp, time, "nothing is left of the trial");
        assertEq(payment.decimals(), 6, "payment decimals");
        assertEq(staking.decimals(), 18, "stake decimals");
    }

    function test_aFeeOnTransferIsFound() public {
        address token = address(new FeeToken());
        vm.expectRevert("token takes a fee on transfer");
        this.check(token);
    }

    function test_rebasingIsFound() public {
        address token = address(new RebasingToken());
        vm.expectRevert("token rebases: balances change with time");
        this.check(token);
    }

    function test_whatIsNoTokenIsRefused() public {
        vm.expectRevert();
        this.check(address(this));
    }
}
