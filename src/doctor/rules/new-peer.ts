/** Peers that a process did not talk to before. */
import { newcomerAge, newcomersOf, processOf, whereOf } from "../newcomer.ts";
import { rule } from "../rule.ts";

/** Finds peers that a recorder has lately seen for the first time. */
export const newPeer = rule({
  id: "new-peer",
  title: "A process talks to a peer that it did not talk to before",
  severity: "info",
  reads: ["TCP and UDP sockets with a peer", "the recorder's table of first sightings"],
  thresholds: {
    age: newcomerAge,
  },
  why:
    "A server that has its few peers and suddenly connects elsewhere may have a new address to call, or an intruder. " +
    "A peer is new if the recorder's store has none of that process, address and port.",
  advice: [
    { text: "List its connections now", command: "ss -tunp dst ADDRESS" },
    { text: "List what else is new", command: "sockscope history new --since yesterday", scope: "host" },
  ],
  recorded: true,
  check(samples) {
    return newcomersOf(samples.newcomers(), ["server", "client"], samples.thresholds.age).map((each) => {
      const { what, process, netid, address, port } = each;
      return {
        severity: "info",
        subject: `${what} ${netid} ${whereOf(each)} ${process}`.trimEnd(),
        title:
          what === "server"
            ? `${processOf(each)} connects to ${whereOf(each)}, where it did not connect before`
            : `${address} connects to port ${port} of ${processOf(each)}, where it did not connect before`,
        values: { direction: what === "server" ? "out" : "in", process, netid, address, port },
        fill: { ADDRESS: address, PORT: port },
      };
    });
  },
});
