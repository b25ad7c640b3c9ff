// The gateway against a real market: its API and its feed are what the chain says, whatever happens.
//
// The parts are in gateway/ and share one world, in this order: later ones build on what earlier ones left there.
import { after, before, describe } from "node:test";
import { apiTests } from "./gateway/api.mjs";
import { descriptionTests } from "./gateway/description.mjs";
import { feedTests } from "./gateway/feed.mjs";
import { rollbackTests } from "./gateway/rollback.mjs";
import { whyTests } from "./gateway/why.mjs";
import { World } from "./gateway/world.mjs";

const world = new World();

descriptionTests();

describe("the gateway", () => {
	before(() => world.start());
	after(() => world.stop());
	apiTests(world);
	whyTests(world);
	feedTests(world);
	rollbackTests(world);
});
