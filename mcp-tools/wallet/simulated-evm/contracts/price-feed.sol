// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// A price feed with the interface of Chainlink's. The simulated chain writes price and time.
contract PriceFeed {
    int256 public price;
    uint256 public updatedAt;

    function decimals() external pure returns (uint8) {
        return 8;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (1, price, updatedAt, updatedAt, 1);
    }
}
