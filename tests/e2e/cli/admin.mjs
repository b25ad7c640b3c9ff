// kalypso admin ...
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setting } from "../../../deploy/local/chain.mjs";
import { engine, governor, requester, stake, stranger, usd } from "./world.mjs";

export function adminTests(world) {
	const value = (contract, name) => world.read(contract, "setting", [setting(name)]);

	describe("admin", () => {
		test("me-key sets, shows and revokes", async () => {
			const key = engine.address;
			assert.equal((await world.json(["admin", "me-key", key])).valid, false);
			await world.error(["admin", "me-key", key, "--starts-in=1h"], 2);
			await world.error(["admin", "me-key", key, "--for=1h", "--revoke"], 2);
			await world.error(["admin", "me-key", key, "--for=1h", "--encryption-key=04"], 2);
			assert.equal((await world.error(["admin", "me-key", key, "--for=1h", "--encryption-key=0x04"], 1)).name, "BadPublicKey");
			const encryption = engine.publicKey;
			const set = await world.json(["admin", "me-key", key, "--for=365d", `--encryption-key=${encryption}`]);
			await world.checkTransactions(set, ["setEngineKey"]);
			assert.equal(await world.read("EntityKeyRegistry", "isEngine", [key]), true);
			assert.equal(await world.read("EntityKeyRegistry", "encryptionKey"), encryption);
			const shown = await world.json(["admin", "me-key", key]);
			assert.deepEqual([shown.valid, shown.encryption_key], [true, encryption]);

			const later = ["admin", "me-key", stranger.address, "--for=1h", "--starts-in=1h"];
			await world.json(later);
			assert.equal(await world.read("EntityKeyRegistry", "isEngine", [stranger.address]), false);
			await world.json(["admin", "me-key", stranger.address, "--for=1h"]);
			assert.equal(await world.read("EntityKeyRegistry", "isEngine", [stranger.address]), true);
			await world.json(["admin", "me-key", stranger.address, "--revoke"]);
			assert.equal(await world.read("EntityKeyRegistry", "isEngine", [stranger.address]), false);
		});

		test("who has no role is told so", async () => {
			const error = await world.error(["admin", "me-key", engine.address, "--for=1h", "--as=requester"], 1);
			assert.equal(error.name, "AccessControlUnauthorizedAccount");
			assert.match(error.message, /lacks a role: send from an account that governance gave it to/);
			await world.error("admin pause --as=requester", 1);
		});

		test("settings are listed, shown and set, each as its kind", async () => {
			const { settings } = await world.json("admin setting");
			assert.equal(settings.length, 13);
			for (const { contract, name, value: said } of settings) {
				const is = await value(contract, name);
				assert.equal(BigInt(said), is, name);
			}
			const text = (await world.run("admin setting")).is(0).out;
			assert.match(text, /quoteGrace +2 min +GeneratorRegistry/);
			assert.match(text, /slashBountyMax +100 KSTAKE/);

			const set = await world.json("admin setting quoteGrace 30s");
			await world.checkTransactions(set, ["setSetting"]);
			assert.equal(await value("GeneratorRegistry", "quoteGrace"), 30n);
			assert.deepEqual(set.settings.map((s) => [s.name, s.value]), [["quoteGrace", "30"]]);
			await world.json("admin setting quoteGrace 120");
			await world.json(["admin", "setting", "treasury", stranger.address, "--contract=registry"]);
			assert.equal(await value("GeneratorRegistry", "treasury"), BigInt(stranger.address));
			await world.json(["admin", "setting", "treasury", governor.address, "--contract=registry"]);
			await world.json("admin setting verifierGas 3000000");
			assert.equal(await value("ProofMarketplace", "verifierGas"), 3000000n);

			assert.match((await world.error("admin setting treasury", 2)).message, /--contract=marketplace or --contract=registry/);
			await world.error("admin setting treasury --contract=bank", 2);
			assert.equal((await world.error("admin setting bla", 4)).name, "SettingUnknown");
			await world.error("admin setting quoteGrace soon", 2);
			await world.error("admin setting verifierGas 1.5", 2);
			await world.error("admin setting treasury me --contract=registry", 2);
			assert.equal((await world.error("admin setting verifierGas 5", 1)).name, "SettingOutOfRange");
		});

		test("fees", async () => {
			assert.deepEqual((await world.json("admin fee")).settings.map((s) => s.value), ["0", "0"]);
			const set = await world.json("admin fee --per-byte=100u --creation=1.5");
			await world.checkTransactions(set, ["setSetting", "setSetting"]);
			assert.equal(await value("ProofMarketplace", "feePerByte"), 100n);
			assert.equal(await value("ProofMarketplace", "creationFee"), usd("1.5"));
			await world.json("admin fee --per-byte=0 --creation=0");
		});

		test("the split of penalties is changed in an order that the contract takes", async () => {
			for (const [parts, order] of [
				[[9500, 500], ["slashBountyBps", "slashRequesterBps"]],
				[[500, 9500], ["slashRequesterBps", "slashBountyBps"]],
			]) {
				const set = await world.json(`admin split --requester=${parts[0]} --bounty=${parts[1]}`);
				assert.deepEqual(set.events.map((e) => e.name), order);
				assert.equal(await value("GeneratorRegistry", "slashRequesterBps"), BigInt(parts[0]));
				assert.equal(await value("GeneratorRegistry", "slashBountyBps"), BigInt(parts[1]));
			}
			assert.equal((await world.error("admin split --requester=9000", 1)).name, "SettingOutOfRange");
			await world.json("admin split --requester=5000 --bounty=1000 --bounty-max=100");
			assert.equal(await value("GeneratorRegistry", "slashBountyMax"), stake("100"));
			assert.deepEqual((await world.json("admin split")).settings.map((s) => s.value).slice(0, 2), ["5000", "1000"]);
		});

		test("pause and unpause", async () => {
			const ask = ["request", "create", "--market=1", "--inputs-hex=0x00", "--max-price=1", "--max-time=60"];
			const paused = await world.json("admin pause");
			await world.checkTransactions(paused, ["pause"]);
			assert.equal(paused.paused, true);
			assert.equal(await world.read("ProofMarketplace", "paused"), true);
			assert.equal((await world.error("admin pause", 1)).name, "EnforcedPause");
			await world.chain.send(requester, "PaymentToken", "approve", [world.marketplace, usd("1")]);
			assert.equal((await world.error(ask, 1)).name, "EnforcedPause");
			assert.equal((await world.json("admin unpause")).paused, false);
			assert.equal((await world.error("admin unpause", 1)).name, "ExpectedPause");
			await world.chain.send(requester, "PaymentToken", "approve", [world.marketplace, 0n]);
		});
	});
}
