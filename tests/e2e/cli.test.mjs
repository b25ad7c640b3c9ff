// The command line, every command of it, on a real node with the real contracts; viem looks over its shoulder.
//
// The parts are in cli/ and share one world, in this order: later ones build on what earlier ones left there.
import { after, before, describe } from "node:test";
import { accountsTests } from "./cli/accounts.mjs";
import { adminTests } from "./cli/admin.mjs";
import { failuresTests } from "./cli/failures.mjs";
import { generatorsTests } from "./cli/generators.mjs";
import { keysTests } from "./cli/keys.mjs";
import { marketsTests } from "./cli/markets.mjs";
import { quarantineTests } from "./cli/quarantine.mjs";
import { requestsTests } from "./cli/requests.mjs";
import { tasksTests } from "./cli/tasks.mjs";
import { wordsTests } from "./cli/words.mjs";
import { World } from "./cli/world.mjs";

const world = new World();

wordsTests();
keysTests();

describe("on a chain", () => {
	before(() => world.start());
	after(() => world.stop());
	marketsTests(world);
	adminTests(world);
	generatorsTests(world);
	requestsTests(world);
	tasksTests(world);
	accountsTests(world);
	failuresTests(world);
	quarantineTests(world);
});
