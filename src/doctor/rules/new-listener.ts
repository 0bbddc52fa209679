/** Listeners that were not there before. */
import { newcomerAge, newcomersOf, processOf, whereOf } from "../newcomer.ts";
import { rule } from "../rule.ts";

/** Finds listeners that a recorder has lately seen for the first time. */
export const newListener = rule({
  id: "new-listener",
  title: "A process listens that did not listen before",
  severity: "warning",
  reads: ["TCP sockets in LISTEN, unconnected UDP sockets", "the recorder's table of first sightings"],
  thresholds: {
    age: newcomerAge,
  },
  why:
    "What listens can be reached: a new listener is a deployment, a debug port that was left open, or an intruder. " +
    "A listener is new if the recorder's store has none of that process, address and port.",
  advice: [
    { text: "Check what listens, and for whom", command: "ss -tulnp sport = :PORT" },
    { text: "Check since when", command: "sockscope history new --since yesterday", scope: "host" },
  ],
  recorded: true,
  check(samples) {
    return newcomersOf(samples.newcomers(), ["listener"], samples.thresholds.age).map((each) => ({
      severity: "warning",
      subject: `${each.netid} ${whereOf(each)} ${each.process}`.trimEnd(),
      title: `${processOf(each)} listens on ${each.netid.toUpperCase()} ${whereOf(each)}, where nothing of it did before`,
      values: { process: each.process, netid: each.netid, address: each.address, port: each.port },
      fill: { PORT: each.port, ADDRESS: each.address },
    }));
  },
});
