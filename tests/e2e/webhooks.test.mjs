// Webhooks of a real market: registered, signed, in order, retried, shared by two gateways, and nothing lost.
import { after, before, describe } from "node:test";
import { callTests } from "./webhooks/calls.mjs";
import { deliveryTests } from "./webhooks/delivery.mjs";
import { exampleTests } from "./webhooks/examples.mjs";
import { hostileTests } from "./webhooks/hostile.mjs";
import { lifeTests } from "./webhooks/lives.mjs";
import { lossTests } from "./webhooks/loss.mjs";
import { proverTests } from "./webhooks/prover.mjs";
import { World } from "./webhooks/world.mjs";

const world = new World();

describe("webhooks", () => {
	before(() => world.start());
	after(() => world.stop());
	deliveryTests(world);
	callTests(world);
	exampleTests(world);
	proverTests(world);
	hostileTests(world);
	lossTests(world);
	lifeTests(world);
});
