/** The recorded corpus of netstat: /proc trees, and the command lines whose output is recorded beside each. */
import { join } from "node:path";

/** Where the trees are. scripts/record-netstat.ts records them. */
export const corpusFolder = join(import.meta.dirname, "../fixtures/netstat");

/** The trees: the first is recorded from a live kernel, the others are written by hand. */
export const corpusTrees = ["live", "odd"] as const;

/** The command lines. All have numbers for names, as these differ from machine to machine. */
export const corpusLines: readonly string[] = [
  "-n",
  "-an",
  "-ln",
  "-tn",
  "-tan",
  "-tln",
  "-tano",
  "-tanoe",
  "-tanp",
  "-tane",
  "-tanpeo",
  "-tanW",
  "-tanpW",
  "-un",
  "-uan",
  "-uano",
  "-uln",
  "-uanpe",
  "-Uan",
  "-wan",
  "-wane",
  "-wlnp",
  "-4an",
  "-6an",
  "-46lnp",
  "-tulpn",
  "-tunap",
  "-x",
  "-xa",
  "-xl",
  "-xanp",
  "-xlpe",
  "-xtan",
  "-A inet,unix -an",
  "-A inet6 -lno",
  "--tcp --listening --numeric --programs",
  "--unix --all",
];
