// Four transfers take eight accounts from one Merkle root to the next, and nobody is overdrawn.
pragma circom 2.1.6;

include "circomlib/circuits/bitify.circom";
include "circomlib/circuits/poseidon.circom";

// The Poseidon Merkle root over eight balances; two neighbours share a leaf, account 0 lowest.
template Root(BITS) {
	signal input balances[8];
	signal output out;
	signal nodes[7];

	for (var i = 0; i < 4; i++) {
		nodes[3 + i] <== balances[2 * i] + balances[2 * i + 1] * 2 ** BITS;
	}
	for (var i = 2; i >= 0; i--) {
		nodes[i] <== Poseidon(2)([nodes[2 * i + 1], nodes[2 * i + 2]]);
	}
	out <== nodes[0];
}

// Eight selectors of which only the one that the three bits (lowest first) name is 1.
template OneHot() {
	signal input bits[3];
	signal output out[8];
	signal pairs[4];

	pairs[3] <== bits[2] * bits[1];
	pairs[2] <== bits[2] - pairs[3];
	pairs[1] <== bits[1] - pairs[3];
	pairs[0] <== 1 - bits[2] - bits[1] + pairs[3];
	for (var i = 0; i < 4; i++) {
		out[2 * i + 1] <== pairs[i] * bits[0];
		out[2 * i] <== pairs[i] - out[2 * i + 1];
	}
}

// Moves an amount from one of eight accounts to another; the sender must hold it.
template Transfer(BITS) {
	signal input before[8];
	signal input from[3];
	signal input to[3];
	signal input amount;
	signal output after[8];
	signal held[8];
	signal moved[8];

	signal sender[8] <== OneHot()(from);
	signal receiver[8] <== OneHot()(to);
	var holding = 0;
	for (var i = 0; i < 8; i++) {
		held[i] <== sender[i] * before[i];
		holding += held[i];
		moved[i] <== (receiver[i] - sender[i]) * amount;
		after[i] <== before[i] + moved[i];
	}
	_ <== Num2Bits(BITS)(holding - amount);
}

// balances: eight of BITS bits, account 0 lowest. transfers: four of 6 + BITS bits, the first
// lowest; each is from (3 bits), to (3 bits), amount. All money together fits BITS bits, so no
// account can overflow, and the balances after a batch can be packed again for the next one.
template RollupBatch(BITS) {
	signal input rootBefore;
	signal input rootAfter;
	signal input balances;
	signal input transfers;
	signal states[5][8];
	var size = 6 + BITS;

	signal balanceBits[8 * BITS] <== Num2Bits(8 * BITS)(balances);
	var supply = 0;
	for (var i = 0; i < 8; i++) {
		var balance = 0;
		for (var j = 0; j < BITS; j++) {
			balance += balanceBits[i * BITS + j] * 2 ** j;
		}
		states[0][i] <== balance;
		supply += balance;
	}
	_ <== Num2Bits(BITS)(supply);
	signal first <== Root(BITS)(states[0]);
	rootBefore === first;

	signal transferBits[4 * size] <== Num2Bits(4 * size)(transfers);
	for (var t = 0; t < 4; t++) {
		var at = t * size;
		var amount = 0;
		for (var j = 0; j < BITS; j++) {
			amount += transferBits[at + 6 + j] * 2 ** j;
		}
		states[t + 1] <== Transfer(BITS)(states[t],
			[transferBits[at], transferBits[at + 1], transferBits[at + 2]],
			[transferBits[at + 3], transferBits[at + 4], transferBits[at + 5]],
			amount);
	}
	signal last <== Root(BITS)(states[4]);
	rootAfter === last;
}

component main {public [rootBefore, rootAfter, balances, transfers]} = RollupBatch(24);
