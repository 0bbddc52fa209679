/**
 * Runs in a network namespace of its own: serves metrics, makes connections from ever other addresses, and prints what
 * was scraped as JSON: once the groups of peers were full, and at the end.
 *
 * Usage: real-peers.ts FOLDER PEERS SECONDS
 */
import { join } from "node:path";
import { AF_INET, SOCK_STREAM } from "../../src/model/family.ts";
import { accept, bind, close, connect, ipv4, listen, loopbackUp, open, openAt } from "../kernel/c.ts";

const [folder = "", peers = "", seconds = ""] = process.argv.slice(2);
const unix = join(folder, "socket");
const program = join(import.meta.dirname, "../../src/cli/main.ts");
const PORT = 8080;
/** Peers that fill every group before the first scrape that counts. */
const FILLING = 500;
/** Connections between two pauses, in which the server gets its turn. */
const AT_ONCE = 50;

loopbackUp();
// Every address of 10.0.0.0/8 is one of this host.
Bun.spawnSync(["ip", "route", "add", "local", "10.0.0.0/8", "dev", "lo"]);
const server = Bun.spawn([process.execPath, program, "serve", "--listen", `unix:${unix}`], {
  stdout: "pipe",
  stderr: "inherit",
});
await server.stdout.getReader().read();
const scrape = async () => (await fetch("http://localhost/metrics", { unix })).text();

const listener = openAt(ipv4("0.0.0.0", PORT), SOCK_STREAM);
listen(listener, 128);
const target = ipv4("10.0.0.1", PORT);
let made = 0;

/** A connection from an address that none had before. */
function connectOnce(): void {
  made++;
  const client = open(AF_INET, SOCK_STREAM);
  bind(client, ipv4(`10.${1 + (made >> 16)}.${(made >> 8) & 0xff}.${made & 0xff}`));
  connect(client, target);
  close(accept(listener));
  close(client);
}

/** Makes connections, spread over the time. */
async function makeConnections(count: number, ms: number): Promise<void> {
  const began = performance.now();
  for (let done = 0; done < count; done += AT_ONCE) {
    for (let each = 0; each < AT_ONCE; each++) connectOnce();
    await Bun.sleep(Math.max(1, (done / count) * ms - (performance.now() - began)));
  }
}

function endedIn(body: string): number {
  const closed = body.matchAll(/^sockscope_tcp_connections_closed_total\{.*\} (\d+)$/gm);
  return [...closed].reduce((total, [, count]) => total + Number(count), 0);
}

/** Scrapes until the number of ended connections stays the same, and the doctor has examined the host. */
async function scrapeSettled(): Promise<string> {
  for (let last = -1; ; ) {
    const body = await scrape();
    const ended = endedIn(body);
    const isExamined = body.includes("sockscope_findings_timestamp_seconds ");
    if (ended > 0 && ended === last && isExamined) return body;
    if (ended === 0) connectOnce();
    last = ended;
    await Bun.sleep(300);
  }
}

// The sources of events are opened in the background after the first scrape.
await scrapeSettled();
await makeConnections(FILLING, 0);
const before = await scrapeSettled();
await makeConnections(Number(peers), Number(seconds) * 1000);
const after = await scrapeSettled();
server.kill();
await server.exited;
console.log(JSON.stringify({ before, after, made }));
