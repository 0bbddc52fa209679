/** `agent --make-key`: makes a key that signs questions to a fleet. */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { encodeBytes, filePath } from "../../../bytes/text.ts";
import { makeKey } from "../../../fleet/nats/nkey.ts";
import { systemMessage } from "../../../native/errno.ts";
import { EXIT_USAGE } from "../../getopt.ts";
import type { World } from "../../world.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
/** Readable by the owner alone. */
const MODE = 0o600;

/** Writes a new key to a new file, and prints its public half. @returns the exit status */
export function writeKey({ program, stdout, stderr }: World, path: string): number {
  const { seed, publicKey } = makeKey();
  try {
    const fd = openSync(filePath(path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE);
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
