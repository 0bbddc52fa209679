/**
 * An agent whose events are made up: the real spool, delivery and connection, until it is killed. Prints `kept N` once
 * N events of this run are in the spool. Each event has the number of the run as its uid, and its own as its inode.
 *
 * Arguments: the server, the host's name, the spool's folder, the number of the run, how many events to make, how many
 * at a time, the milliseconds between two times, and the bytes of the spool.
 */
import { writeSync } from "node:fs";
import { openFeeds } from "../../src/cli/fleet/feeds.ts";
import type { Follow } from "../../src/cli/fleet/follow-process.ts";
import { connectBroker } from "../../src/fleet/nats/connect.ts";

const [url, host, folder, run, most, burst, everyMs, spoolBytes] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
  string,
  string,
];

/** Stands in for `events`: some events at a time. */
const events: Follow = async (_args, take, _say, signal) => {
  let made = 0;
  while (made < Number(most) && !signal.aborted) {
    const lines = Array.from({ length: Math.min(Number(burst), Number(most) - made) }, () =>
      JSON.stringify({
        time: new Date().toISOString(),
        event: "open",
        source: "destroy",
        netid: "tcp",
        family: "inet",
        local: { address: "10.0.0.1", port: 1000 + (made % 1000) },
        peer: { address: "10.0.0.2", port: 443 },
        uid: Number(run),
        inode: ++made,
      }),
    );
    take(lines);
    writeSync(1, `kept ${made}\n`);
    await Bun.sleep(Number(everyMs));
  }
  return new Promise(() => undefined);
};

const feeds = openFeeds(
  { follow: events, host, boot: "boot", say: (text) => writeSync(2, `${host}: ${text}\n`) },
  {
    events: "all",
    words: [],
    findings: false,
    allNetns: false,
    folder,
    limitBytes: Number(spoolBytes),
  },
);
for (;;) {
  try {
    const { connection } = await connectBroker({
      url,
      name: host,
      files: {},
      report: ({ type }) => {
        if (type === "reconnect") feeds.reconnected();
      },
    });
    feeds.connected(connection);
    break;
  } catch {
    await Bun.sleep(100);
  }
}
