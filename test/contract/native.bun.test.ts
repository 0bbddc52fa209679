import { test } from "bun:test";
import { libc } from "../../src/native/bun.ts";
import { nativeContract } from "./native.ts";

nativeContract(libc, { test, evaluate: ["-e"] });
