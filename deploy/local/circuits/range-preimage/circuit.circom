// Somebody knows the number behind a commitment, and that number lies in a public range.
pragma circom 2.1.6;

include "circomlib/circuits/bitify.circom";
include "circomlib/circuits/poseidon.circom";

// The commitment is Poseidon applied ROUNDS times: trying one candidate costs that much.
template Commitment(ROUNDS) {
	signal input value;
	signal output out;
	signal links[ROUNDS + 1];

	links[0] <== value;
	for (var i = 0; i < ROUNDS; i++) {
		links[i + 1] <== Poseidon(1)([links[i]]);
	}
	out <== links[ROUNDS];
}

// low is at most 64 bits and the range at most 2^WIDTH numbers, so no subtraction wraps around
// the field, and so whoever has to search the range knows how long that takes.
template RangePreimage(ROUNDS, WIDTH) {
	signal input commitment;
	signal input low;
	signal input high;
	signal input preimage;

	_ <== Num2Bits(64)(low);
	_ <== Num2Bits(WIDTH)(high - low);
	_ <== Num2Bits(WIDTH)(preimage - low);
	_ <== Num2Bits(WIDTH)(high - preimage);
	signal opened <== Commitment(ROUNDS)(preimage);
	commitment === opened;
}

component main {public [commitment, low, high]} = RangePreimage(8, 8);
