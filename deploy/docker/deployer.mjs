#!/usr/bin/env node
// Makes a market of the new chain of docker-compose.yml: contracts (by `kalypso deploy`), two circuits, three generators, a
// requester with money. Once: when it is there already, it says so. The files that others read, contracts.json and
// market.json, are in /market; market.json comes last.
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Chain } from "../local/chain.mjs";
import { GENERATORS, LocalMarket } from "../local/market.mjs";

const FOLDER = "/market";
const FILE = join(FOLDER, "market.json");
// Two with listeners, and one that takes tasks and never proves them: somebody has to be slashed.
const GENERATOR_NAMES = ["thrifty", "swift", "silent"];

const say = (text) => console.log(`deployer: ${text}`);

// Whether the chain has the contracts that the file names.
async function isThere(chain) {
	if (!existsSync(FILE)) return false;
	const { contracts } = JSON.parse(readFileSync(FILE, "utf8"));
	const code = await chain.client.getCode({ address: contracts.ProofMarketplace });
	if (code) return true;
	throw new Error(`${FILE} is of another chain: begin anew, after docker-compose down -v`);
}

// Nobody uses a chain before the market is made: what one who was cut short left on it goes.
async function beginAnew(chain) {
	if ((await chain.client.getBlockNumber()) === 0n) return;
	say("what is there is half a market: the chain begins anew");
	await chain.client.setIntervalMining({ interval: 0 });
	await chain.client.setAutomine(true);
	await chain.client.request({ method: "anvil_reset", params: [] });
	for (const name of readdirSync(FOLDER)) rmSync(join(FOLDER, name), { recursive: true });
}

async function main() {
	const chain = new Chain(process.env.KALYPSO_RPC, process.env.KALYPSO_WS);
	if (await isThere(chain)) {
		say("the market is there");
		return;
	}
	await beginAnew(chain);
	const market = new LocalMarket({
		folder: FOLDER,
		generators: GENERATORS.filter(({ name }) => GENERATOR_NAMES.includes(name)),
		say,
	});
	market.chain = chain;
	market.gateway = process.env.KALYPSO_GATEWAY;
	await market.populate();
	market.writeMarketFile();
	say(`markets ${market.markets.map(({ id, name }) => `${id} ${name}`).join(", ")}; ${FILE} is written`);
}

main().then(
	() => process.exit(0),
	(error) => {
		console.error(`deployer: ${error.message}`);
		process.exit(1);
	},
);
