/** `agent --make-key`: makes a key that signs questions to a fleet. */
import { closeSync, writeSync } from "node:fs";
import { encodeBytes } from "../../../bytes/text.ts";
import { makeKey } from "../../../fleet/nats/nkey.ts";
import { openNewFile } from "../../../host/output-file.ts";
import { systemMessage } from "../../../native/errno.ts";
import { EXIT_USAGE } from "../../getopt.ts";
import type { World } from "../../world.ts";

/** Writes a new key to a new file, and prints its public half. @returns the exit status */
export function writeKey({ program, stdout, stderr }: World, path: string): number {
  const { seed, publicKey } = makeKey();
  try {
    const fd = openNewFile(path);
    try {
      writeSync(fd, `${seed}\n`);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    stderr.write(encodeBytes(`${program}: agent: cannot make ${path}: ${systemMessage(error)}\n`));
    return EXIT_USAGE;
  }
  stdout.write(encodeBytes(`${publicKey}\n`));
  return 0;
}
