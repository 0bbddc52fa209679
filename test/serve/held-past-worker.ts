/** The thread of the past that does nothing at all until its test makes the file that the variable HELD names. */
import { existsSync } from "node:fs";

while (!existsSync(process.env["HELD"]!)) Bun.sleepSync(5);
require("../../src/cli/past-worker.ts");
