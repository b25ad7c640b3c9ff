// A session of its own for a program that starts a market: Ctrl-C then reaches the program, which stops the others in
// their order, and nobody else; and priorities count among all of them, where the kernel groups processes by session
// (autogroups, sched(7)).
import { spawn } from "node:child_process";

// In the environment of a program that leads one already.
export const OWN_SESSION = { KALYPSO_OWN_SESSION: "1" };

// Run main() in a new session; here, wait for it, hand on signals, and end as it ends.
export async function inOwnSession(main) {
	if (process.env.KALYPSO_OWN_SESSION) return main();
	const again = ["--pdeathsig", "TERM", "--", process.execPath, ...process.argv.slice(1)];
	const child = spawn("setpriv", again, {
		stdio: "inherit",
		detached: true,
		env: { ...process.env, ...OWN_SESSION },
	});
	for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => child.kill(name));
	await new Promise((resolve, reject) => {
		child.once("error", reject);
		child.once("exit", (code, signal) => {
			process.exitCode = code ?? 128 + (signal === "SIGKILL" ? 9 : 15);
			resolve();
		});
	});
}
