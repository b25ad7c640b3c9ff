// The oracles themselves: everything that they look for is done on purpose, and each has to notice.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROLES, account } from "../../../deploy/local/chain.mjs";
import { redisSays } from "../../../deploy/local/market.mjs";
import { until } from "../scene.mjs";

export default [
	{
		name: "notice",
		what: "a log entry removed, a request forgotten, a foreign nonce, a false book, money too much, a key in a file, slashes forgotten, a death",
		byDefault: true,
		once: true,
		alone: true,
		notices: ["health", "O1", "O2", "O3", "O5", "O6", "O7", "O8", "O9"],
		patienceMs: 3000,
		async run(scene) {
			const { chain, market, client, load, redisPort } = scene;
			await until("tasks", async () => (await chain.events("ProofMarketplace", "TaskCreated")).length > 10);
			// O9: more descriptors than anybody needs.
			scene.limits = { rssMib: { release: 1, asan: 1 }, descriptors: 1 };
			// health: nobody asked for this death.
			scene.service("orderbook").signal("SIGUSR1");
			await scene.service("orderbook").ended;
			await scene.recovered(0);
			// O8: nobody slashes. O2: nobody matches.
			scene.unmanaged("slasher-watcher", "matcher");
			await Promise.all(["slasher-watcher", "matcher"].map((name) => scene.service(name).kill()));
			load.stop();
			await load.idle();
			await load.place(["silent"]);
			await scene.blocks(2);
			// O3
			const relayer = chain.wallet(account(ROLES.relayer));
			await chain.mined(await relayer.sendTransaction({ to: market.deployer.address, value: 1n }), "a foreign transaction");
			// O6
			await chain.send(market.requester, "PaymentToken", "mint", [chain.addresses.ProofMarketplace, 1n]);
			await client.increaseTime({ seconds: 600 });
			await client.mine({ blocks: 1 });
			// O5
			scene.book.book.quotes.delete([...scene.book.book.quotes.keys()][0]);
			// O1
			const log = "kalypso:{local}:log:match";
			redisSays(redisPort, "xdel", log, `${Math.floor(Number(redisSays(redisPort, "xlen", log)) / 2)}-0`);
			// O7
			writeFileSync(join(scene.world.folder, "logs", "careless.log"), `key=${market.engine.key}\n`);
		},
	},
];
