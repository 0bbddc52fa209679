// Waits until a process listens on a TCP port of this host: `node examples/wait-for-port.mjs [PORT] [SECONDS]`.
//
// It makes no connection, so the server does not log or count an empty client. In CI, use it instead of a sleep:
//
//   docker compose up -d && node wait-for-port.mjs 5432 && npm test
import { setTimeout } from "node:timers/promises";
import { sockets } from "sockscope";

const [port = 5432, seconds = 30] = process.argv.slice(2).map(Number);

function isListening() {
  for (const _ of sockets({ tables: ["tcp"], states: ["listening"], filter: `sport = :${port}` }))
    return true;
  return false;
}

const deadline = Date.now() + seconds * 1000;
while (!isListening()) {
  if (Date.now() > deadline) {
    console.error(`Nothing listens on port ${port} after ${seconds} s`);
    process.exit(1);
  }
  await setTimeout(50);
}
console.log(`port ${port} listens`);
