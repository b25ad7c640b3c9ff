// kalypso generator ...
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { keccak256 } from "viem";
import { generator, requester, rival, stake, stranger, usd } from "./world.mjs";

const record = async (world, who) => {
	const [rewardAddress, staked, locked, unstaking, compute, computeUsed] = await world.read(
		"GeneratorRegistry",
		"generatorOf",
		[who.address],
	);
	return { rewardAddress, staked, locked, unstaking, compute, computeUsed };
};

export function generatorsTests(world) {
	describe("generator", () => {
		test("show of a stranger: there is no such generator", async () => {
			assert.equal((await world.error("generator show", 4)).name, "GeneratorUnknown");
			assert.equal((await world.error(["generator", "show", stranger.address], 4)).name, "GeneratorUnknown");
			await world.error("generator show 0x12", 2);
		});

		test("register, once", async () => {
			assert.equal((await world.error("generator stake 1", 4)).name, "GeneratorUnknown");
			const said = await world.json(["generator", "register", "--compute=100", "--name=Proofs Ltd"]);
			await world.checkTransactions(said, ["register"]);
			const is = await record(world, generator);
			assert.equal(is.rewardAddress, generator.address);
			assert.equal(is.compute, 100n);
			assert.deepEqual([said.generator, said.compute], [generator.address, "100"]);
			assert.equal((await world.error("generator register --compute=100", 1)).name, "GeneratorExists");
			const [event] = await world.chain.events("GeneratorRegistry", "GeneratorRegistered");
			assert.equal(Buffer.from(event.args.metadata.slice(2), "hex").toString(), '{"name":"Proofs Ltd"}');
			await world.error(["generator", "register", "--compute=1", "--name=a", "--metadata=b"], 2);
			const other = `generator register --compute=50 --reward-address=${stranger.address} --as=generator:1`;
			await world.json(other);
			assert.equal((await record(world, rival)).rewardAddress, stranger.address);
		});

		test("stake approves what is short, exactly", async () => {
			assert.equal((await world.error("generator stake 5 --no-approve", 1)).name, "ERC20InsufficientAllowance");
			const run = (await world.run("generator stake 30 --json")).is(0, /approving 30 KSTAKE for 0x/);
			await world.checkTransactions(run.json, ["approve", "stake"]);
			assert.equal((await record(world, generator)).staked, stake("30"));
			assert.equal(run.json.stake, String(stake("30")));
			assert.equal(
				await world.read("StakeToken", "allowance", [generator.address, world.registry]),
				0n,
			);
			await world.chain.send(generator, "StakeToken", "approve", [world.registry, stake("100")]);
			await world.checkTransactions(await world.json("generator stake 10"), ["stake"]);
			const poor = await world.error("generator stake 100000", 1);
			assert.equal(poor.name, "ERC20InsufficientBalance");
			assert.match(poor.message, /has 960 KSTAKE, needs 100000 KSTAKE/);
			await world.error("generator stake 1.2.3", 2);
			await world.error("generator stake 0.0000000000000000001", 2);
			assert.equal((await world.error("generator stake 0", 1)).name, "ZeroAmount");
		});

		test("anyone may stake for a generator", async () => {
			const said = await world.json(`generator stake 50 --for=${rival.address} --as=requester`);
			assert.equal(said.generator, rival.address);
			assert.equal((await record(world, rival)).staked, stake("50"));
		});

		test("a dry run of approve and stake is simulated as a whole", async () => {
			const said = await world.json("generator stake 500000000000u --dry-run --as=requester --for=" + rival.address);
			assert.deepEqual(said.transactions.map((t) => [t.what, t.sent]), [["approve", false], ["stake", false]]);
			assert.equal(Number(said.transactions[1].nonce), Number(said.transactions[0].nonce) + 1);
			assert.ok(Number(said.transactions[1].gas_limit) > 30_000);
			const doomed = await world.error(`generator stake 1 --as=requester --for=${stranger.address}`, 4);
			assert.equal(doomed.name, "GeneratorUnknown");
			assert.equal(await world.read("StakeToken", "allowance", [requester.address, world.registry]), 0n);
		});

		test("join shows the verifier, and wants a yes", async () => {
			const join = "generator join 1 --price=1.5 --response-time=2m --compute=10";
			const { verifier, owner } = await world.read("ProofMarketplace", "marketOf", [1n]);
			const hash = keccak256(await world.client.getCode({ address: verifier }));
			const refused = (await world.run(join)).is(2, /nobody can be asked/);
			for (const fact of [owner, verifier, hash, "10 KSTAKE"]) assert.ok(refused.err.includes(fact), fact);
			const no = await world.terminal(join, ["n"]);
			no.is(1, /Join it\? \[y\/N\]/).is(1, /kalypso: not joined/);
			assert.equal((await world.terminal(join, [""])).code, 1);
			assert.equal((await world.read("GeneratorRegistry", "quoteOf", [generator.address, 1n]))[4], false);

			const yes = await world.terminal(join, ["y"]);
			yes.is(0, /joinMarket +0x/);
			const [price, responseTime, compute, tasks, active] = await world.read("GeneratorRegistry", "quoteOf", [
				generator.address,
				1n,
			]);
			assert.deepEqual([price, responseTime, compute, tasks, active], [usd("1.5"), 120, 10n, 0, true]);
		});

		test("join with --yes, or only if the code is the one that was looked at", async () => {
			const said = await world.json("generator join 2 --price=1 --response-time=60 --compute=1 --yes");
			assert.deepEqual([said.market_id, said.price, said.response_time], ["2", String(usd("1")), 60]);
			const { verifier } = await world.read("ProofMarketplace", "marketOf", [2n]);
			const hash = keccak256(await world.client.getCode({ address: verifier }));
			assert.equal(said.market.verifier_code_hash, hash);
			const join = "generator join 1 --price=2 --response-time=60 --compute=5 --as=generator:1";
			assert.match((await world.error(`${join} --code-hash=${keccak256("0x00")}`, 1)).message, /not that of --code-hash/);
			await world.error(`${join} --code-hash=0x12`, 2);
			await world.json(`${join} --code-hash=${(await world.json("market show 1")).verifier_code_hash}`);
		});

		test("join is refused before anybody is asked", async () => {
			const error = async (market, code, more = "") => {
				const words = `generator join ${market} --price=1 --response-time=60 --compute=1 ${more}`.trim();
				const run = (await world.run(`${words} --json`)).is(code);
				assert.doesNotMatch(run.err, /A verifier can refuse/);
				return run.error;
			};
			assert.equal((await error(99, 4)).name, "MarketUnknown");
			assert.equal((await error(4, 1)).name, "MarketIsClosed");
			assert.equal((await error(1, 1)).name, "StillInUse");
			assert.equal((await error(3, 4, "--as=requester")).name, "GeneratorUnknown");
			const slow = "generator join 3 --price=1 --response-time=30d --compute=1 --yes";
			assert.equal((await world.error(slow, 1)).name, "TimeOutOfRange");
		});

		test("quote shows the terms, and changes what is given", async () => {
			const shown = await world.json("generator quote 1");
			assert.deepEqual(
				[shown.price, shown.response_time, shown.compute, shown.tasks, shown.active],
				[String(usd("1.5")), 120, "10", 0, true],
			);
			const changed = await world.json("generator quote 1 --price=1.25");
			await world.checkTransactions(changed, ["updateQuote"]);
			const quote = await world.read("GeneratorRegistry", "quoteOf", [generator.address, 1n]);
			assert.deepEqual(quote.slice(0, 3), [usd("1.25"), 120, 10n]);
			assert.equal((await world.error("generator quote 1 --compute=9", 1)).name, "QuoteChangedTooSoon");
			assert.equal((await world.error("generator quote 3", 4)).name, "QuoteInactive");
			assert.equal((await world.error("generator quote 3 --price=1", 1)).name, "QuoteInactive");
		});

		test("compute and reward", async () => {
			const more = await world.json("generator compute 200");
			assert.equal((await record(world, generator)).compute, 200n);
			assert.equal(more.compute, "200");
			await world.json(["generator", "reward", stranger.address]);
			assert.equal((await record(world, generator)).rewardAddress, stranger.address);
			assert.equal((await world.error(["generator", "reward", world.registry], 1)).name, "BadRewardAddress");
			await world.json(["generator", "reward", generator.address]);
			await world.error("generator compute many", 2);
		});

		test("show has it all", async () => {
			const said = await world.json("generator show");
			const is = await record(world, generator);
			assert.equal(said.stake, String(is.staked));
			assert.equal(said.compute, String(is.compute));
			assert.equal(said.locked, "0");
			assert.deepEqual(said.quotes.map((q) => [q.market_id, q.price]), [["1", String(usd("1.25"))], ["2", String(usd("1"))]]);
			const text = (await world.run(["generator", "show", generator.address], { env: { KALYPSO_KEY: "" } })).is(0).out;
			assert.match(text, /Stake +40 KSTAKE\n/);
			assert.match(text, /1 +1.25 KUSD +2 min +10 +0 +yes/);
		});

		test("unstake in two phases", async () => {
			assert.match((await world.error("generator unstake", 1)).message, /nothing is under notice/);
			assert.equal((await world.error("generator unstake 500", 1)).name, "StakeShort");
			await world.error("generator unstake 5 --withdraw", 2);
			const notice = await world.json("generator unstake 15");
			await world.checkTransactions(notice, ["requestUnstake"]);
			assert.equal((await record(world, generator)).unstaking, stake("15"));
			const payableAt = await world.read("GeneratorRegistry", "payableAt", [generator.address]);
			assert.equal(Date.parse(notice.payable_at) / 1000, Number(payableAt));

			const early = await world.error("generator unstake", 1);
			assert.equal(early.name, "NothingDue");
			assert.match(early.message, /15 KSTAKE are under notice; they are due at 20\d\d-.*, in (7 d|6 d 23 h)/);
			await world.passTime(7 * 24 * 3600 + 5);
			const before = await world.read("StakeToken", "balanceOf", [generator.address]);
			await world.checkTransactions(await world.json("generator unstake --withdraw"), ["unstake"]);
			assert.equal(await world.read("StakeToken", "balanceOf", [generator.address]), before + stake("15"));
		});

		test("leave and deregister, in that order", async () => {
			assert.equal((await world.error("generator deregister --as=generator:1", 1)).name, "StillInUse");
			const left = await world.json("generator leave 2");
			await world.checkTransactions(left, ["leaveMarket"]);
			assert.equal(left.market_id, "2");
			assert.equal((await world.error("generator leave 2", 1)).name, "QuoteInactive");
			await world.json("generator leave 1 --as=generator:1");
			const gone = await world.json("generator deregister --as=generator:1");
			await world.checkTransactions(gone, ["deregister"]);
			assert.equal(gone.unstaking, String(stake("50")));
			assert.equal((await world.error("generator compute 5 --as=generator:1", 4)).name, "GeneratorUnknown");
			await world.passTime(7 * 24 * 3600 + 5);
			await world.json("generator unstake --as=generator:1");
			await world.error("generator show --as=generator:1", 4);
		});
	});
}
