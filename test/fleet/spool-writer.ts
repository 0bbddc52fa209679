/**
 * Writes to a spool and delivers from it until it is killed. Prints `kept N` once N lines of this run are in the spool,
 * and each packet as JSON before it is removed.
 *
 * Arguments: the spool's folder, and a name for the run, with which its lines begin.
 */
import { writeSync } from "node:fs";
import { LEAST_SPOOL_BYTES } from "../../src/fleet/spool/limits.ts";
import { Spool } from "../../src/fleet/spool/spool.ts";

const [folder, run] = process.argv.slice(2) as [string, string];
const say = (text: string) => writeSync(1, `${text}\n`);
const spool = new Spool({ folder, name: "events", limitBytes: LEAST_SPOOL_BYTES, boot: "boot" });
let written = 0;
for (;;) {
  const count = 1 + Math.floor(Math.random() * 20);
  const lines = Array.from(
    { length: count },
    () => `${run} ${++written} ${"x".repeat(Math.random() * 2000)}`,
  );
  if (!spool.append(lines)) throw new Error("the spool cannot be written");
  say(`kept ${written}`);
  const packet = Math.random() < 0.3 ? spool.oldest() : undefined;
  if (packet === undefined) continue;
  const { body, ...range } = packet;
  say(JSON.stringify({ ...range, ...(body && { body: Buffer.from(body).toString() }) }));
  if (Math.random() < 0.8) spool.remove(packet);
}
