/** The rules of the doctor, one file each. */
import type { Rule } from "../rule.ts";
import { closeWait } from "./close-wait.ts";

/** Every rule, in the order of `--list-rules`. */
export const rules: readonly Rule[] = [closeWait];
