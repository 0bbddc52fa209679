/**
 * Runs in a network namespace of its own: makes the sockets of the factories that its arguments name, says
 * `ready`, and keeps the sockets until its standard input ends.
 *
 * Usage: world.ts FOLDER FACTORY...
 */
import { loopbackUp } from "./c.ts";
import { type FactoryName, factories } from "./factories.ts";

const [folder, ...names] = process.argv.slice(2);
loopbackUp();
for (const name of names as FactoryName[]) factories[name](folder!);
console.log("ready");
await Bun.stdin.bytes();
