// kalypso account ..., and whose key a command signs with.
import assert from "node:assert/strict";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { describe, test } from "node:test";
import { privateKeyToAccount } from "viem/accounts";
import { generator, governor, requester, stranger } from "./world.mjs";

export function accountsTests(world) {
	describe("account", () => {
		test("show is what the chain has", async () => {
			const said = await world.json("account show");
			const who = requester.address;
			assert.equal(said.account, who);
			assert.equal(said.balance, String(await world.client.getBalance({ address: who })));
			assert.equal(said.nonce, String(await world.client.getTransactionCount({ address: who })));
			for (const [at, contract, token, symbol] of [
				[0, "ProofMarketplace", "PaymentToken", "KUSD"],
				[1, "GeneratorRegistry", "StakeToken", "KSTAKE"],
			]) {
				const of = said.tokens[at];
				assert.equal(of.symbol, symbol);
				assert.equal(of.balance, String(await world.read(token, "balanceOf", [who])));
				assert.equal(of.claimable, String(await world.read(contract, "claimable", [who])));
				const spender = world.chain.addresses[contract];
				assert.equal(of.allowance, String(await world.read(token, "allowance", [who, spender])));
			}
			assert.equal((await world.json(["account", "show", stranger.address])).account, stranger.address);
			await world.error("account show me", 2);
		});

		test("withdraw pays out what is owed, in both tokens", async () => {
			const who = requester.address;
			const owed = await world.read("ProofMarketplace", "claimable", [who]);
			const bounty = await world.read("GeneratorRegistry", "claimable", [who]);
			assert.ok(owed > 0n && bounty > 0n);
			const before = await world.read("PaymentToken", "balanceOf", [who]);
			const said = await world.json("account withdraw");
			await world.checkTransactions(said, ["withdraw", "withdraw"]);
			assert.deepEqual(said.withdrawn.map((w) => [w.use, w.amount]), [
				["payment", String(owed)],
				["stake", String(bounty)],
			]);
			assert.equal(await world.read("PaymentToken", "balanceOf", [who]), before + owed);
			const again = await world.error("account withdraw", 1);
			assert.equal(again.name, "NothingDue");
			assert.match(again.message, new RegExp(`${who} has nothing to withdraw`));
		});

		test("anyone may have it paid, to whom it belongs", async () => {
			const owed = await world.read("ProofMarketplace", "claimable", [generator.address]);
			assert.equal((await world.error(["account", "withdraw", generator.address, "--stake"], 1)).name, "NothingDue");
			const said = await world.json(["account", "withdraw", generator.address, "--payment"]);
			assert.deepEqual(said.withdrawn.map((w) => [w.account, w.amount]), [[generator.address, String(owed)]]);
		});

		test("new makes a keystore that only its owner can read, and never shows the key", async () => {
			const file = world.path("new.json");
			const password = world.write("password.txt", "correct horse\nbattery staple\n");
			const said = await world.json(["account", "new", file, `--password-file=${password}`]);
			assert.equal(statSync(file).mode & 0o777, 0o600);
			const keystore = JSON.parse(readFileSync(file, "utf8"));
			assert.equal(keystore.version, 3);
			assert.equal(said.account.toLowerCase(), `0x${keystore.address}`);
			assert.match((await world.error(["account", "new", file, `--password-file=${password}`], 2)).message, /is there already/);
			await world.error(["account", "new", world.path("no/where.json"), `--password-file=${password}`], 2);
			await world.error(["account", "new", world.path("x.json"), `--password-file=${world.path("none")}`], 2);
			await world.error(["account", "new", world.path("x.json"), `--password-file=${world.write("empty", "\n")}`], 2);
			assert.match((await world.error(["account", "new", world.path("x.json")], 2)).message, /Nobody can be asked/);

			const show = ["account", "show", `--keystore=${file}`];
			assert.equal((await world.json([...show, `--password-file=${password}`])).account, said.account);
			assert.match((await world.error(show, 2)).message, /--password-file/);
			const wrong = world.write("wrong.txt", "battery staple\n");
			assert.match((await world.error([...show, `--password-file=${wrong}`], 2)).message, /password/);
			const env = { KALYPSO_KEY_FILE: file, KALYPSO_PASSWORD_FILE: password };
			assert.equal((await world.json("account show", 0, { env })).account, said.account);
		});

		test("passwords are asked for on a terminal, and not shown", async () => {
			const file = world.path("typed.json");
			const made = await world.terminal(["account", "new", file], ["secret words", "secret words"]);
			made.is(0, /Password for the new key: /);
			assert.match(made.out, /The same again: /);
			assert.doesNotMatch(made.out.split("Password for")[1], /secret words/);
			const shown = await world.terminal(["account", "show", `--keystore=${file}`], ["secret words"]);
			shown.is(0, /Password of .*typed\.json: /);
			(await world.terminal(["account", "show", `--keystore=${file}`], ["other words"])).is(2);
			(await world.terminal(["account", "new", world.path("y.json")], ["one", "another"])).is(2, /the two passwords differ/);
		});

		test("a file with a secret that others may read is refused", async () => {
			const open = (name, content) => {
				const path = world.write(name, content);
				chmodSync(path, 0o644);
				return path;
			};
			const refused = async (...args) => (await world.error(["account", "show", ...args], 2)).message;
			const hex = open("open.hex", `${stranger.key}\n`);
			const words = world.write("closed.password", "secret words\n");
			assert.equal(await refused(`--keystore=${hex}`), `--keystore: ${hex}: others may read or write it (mode 0644): chmod 600 ${hex}`);
			const keystore = world.path("shut.json");
			await world.json(["account", "new", keystore, `--password-file=${words}`]);
			chmodSync(words, 0o640 | 0o002);
			assert.match(await refused(`--keystore=${keystore}`, `--password-file=${words}`), /^--password-file .*closed\.password: others may read or write it \(mode 0642\): chmod 600/);
			chmodSync(words, 0o600);
			chmodSync(keystore, 0o666);
			assert.match(await refused(`--keystore=${keystore}`, `--password-file=${words}`), /shut\.json: others may read or write it/);
		});

		test("a key comes from one place, and which one is said", async () => {
			const whose = async (args, env) => (await world.json(["account", "show", ...args], 0, { env })).account;
			const hex = world.write("key.hex", `${stranger.key}\n`);
			assert.equal(await whose([], { KALYPSO_KEY: stranger.key }), stranger.address);
			assert.equal(await whose([], { KALYPSO_KEY: stranger.key.slice(2) }), stranger.address);
			assert.equal(await whose([], { KALYPSO_KEY_FILE: hex }), stranger.address);
			assert.equal(await whose([`--keystore=${hex}`], { KALYPSO_KEY: governor.key }), stranger.address);
			assert.equal(await whose(["--from-env=MINE"], { MINE: stranger.key }), stranger.address);
			assert.equal(await whose(["--as=generator:1"], { KALYPSO_KEY: stranger.key }), (await whose(["--as=generator:1"])));
			assert.equal(await whose(["--as=governor"]), governor.address);

			const error = async (args, env) => (await world.error(["account", "show", ...args], 2, { env })).message;
			assert.match(await error([], { KALYPSO_KEY: stranger.key, KALYPSO_KEY_FILE: hex }), /both \$KALYPSO_KEY and/);
			assert.match(await error(["--as=governor", `--keystore=${hex}`]), /one account at a time/);
			assert.match(await error(["--as=nobody"]), /has no account 'nobody'/);
			assert.match(await error(["--as=generator:9"]), /has no account 'generator:9'/);
			assert.match(await error(["--from-env=MISSING"]), /the environment has no MISSING/);
			assert.match(await error([], { KALYPSO_KEY: "0x12" }), /64 hex digits/);
			assert.match(await error([], { KALYPSO_KEY: `0x${"00".repeat(32)}` }), /not a private key/);
			assert.match(await error([`--keystore=${world.path("none")}`]), /none: /);
			const bare = { KALYPSO_MARKET: "", KALYPSO_RPC: world.chain.url, KALYPSO_CONTRACTS: world.contractsFile };
			assert.match(await error([], bare), /whose account\? Give --keystore FILE, or set/);
			assert.match(await error(["--as=governor"], bare), /give the market file/);
		});

		test("no key is ever shown", async () => {
			const secret = privateKeyToAccount(stranger.key) && stranger.key.slice(2, 20);
			for (const args of [["account", "show"], ["account", "withdraw"], ["request", "cancel", "1"]]) {
				const run = await world.run(args, { env: { KALYPSO_KEY: stranger.key } });
				assert.ok(!run.out.includes(secret) && !run.err.includes(secret));
			}
			const run = await world.run("account show", { env: { KALYPSO_KEY: `${stranger.key}00` } });
			assert.ok(run.is(2) && !run.err.includes(secret));
		});
	});
}
