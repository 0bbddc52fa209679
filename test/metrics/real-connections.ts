/**
 * Runs in a network namespace of its own: serves metrics, makes connections that end in known ways, and prints what was
 * scraped before and after as JSON.
 *
 * Usage: real-connections.ts FOLDER
 */
import { join } from "node:path";
import { AF_INET, SOCK_STREAM } from "../../src/model/family.ts";
import { accept, addressOf, close, connect, ipv4, listen, loopbackUp, open, openAt } from "../kernel/c.ts";

const [folder = ""] = process.argv.slice(2);
const unix = join(folder, "socket");
const program = join(import.meta.dirname, "../../src/cli/main.ts");

loopbackUp();
const server = Bun.spawn([process.execPath, program, "serve", "--listen", `unix:${unix}`], {
  stdout: "pipe",
  stderr: "inherit",
});
await server.stdout.getReader().read();
const scrape = async () => (await fetch("http://localhost/metrics", { unix })).text();

/** How many connections have ended so far. */
function endedIn(body: string): number {
  const closed = body.matchAll(/^sockscope_tcp_connections_closed_total\{.*\} (\d+)$/gm);
  return [...closed].reduce((total, [, count]) => total + Number(count), 0);
}

const listener = openAt(ipv4("127.0.0.1"), SOCK_STREAM);
listen(listener, 16);
const address = addressOf(listener);

/** A connection that its client closes first. */
function connectAndClose(): void {
  const client = open(AF_INET, SOCK_STREAM);
  connect(client, address);
  const accepted = accept(listener);
  close(client);
  close(accepted);
}

const PATIENCE_MS = 30_000;

/** Scrapes until so many connections have ended. */
async function scrapeEnded(least: number, meanwhile = () => {}): Promise<string> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    meanwhile();
    const body = await scrape();
    if (endedIn(body) >= least || performance.now() > end) return body;
    await Bun.sleep(100);
  }
}

// The sources of events are opened in the background after the first scrape.
let before = await scrapeEnded(1, connectAndClose);
// Both ends of the last connection are counted when the count stays.
for (let last = -1; endedIn(before) !== last; before = await scrape()) {
  last = endedIn(before);
  await Bun.sleep(500);
}
for (let count = 0; count < 3; count++) connectAndClose();
close(listener);
for (let count = 0; count < 2; count++) {
  const client = open(AF_INET, SOCK_STREAM);
  try {
    connect(client, address);
  } catch {
    // Nobody listens there any more: refused.
  }
  close(client);
}

const after = await scrapeEnded(endedIn(before) + 6);
server.kill();
await server.exited;
console.log(JSON.stringify({ before, after }));
