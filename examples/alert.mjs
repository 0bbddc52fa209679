// Prints TCP ports as they open and close, with the process that opened them: `node examples/alert.mjs [EVERY_MS]`.
import { setTimeout } from "node:timers/promises";
import { owners, socketsAsync } from "sockscope";

const everyMs = Number(process.argv[2] ?? 1000);

/** The current listeners by cookie. The kernel never gives two sockets the same cookie. */
async function listeners() {
  const found = new Map();
  for await (const socket of socketsAsync({ tables: ["tcp"], states: ["listening"] }))
    if (socket.kind === "inet") found.set(socket.cookie, socket);
  return found;
}

function say(what, { src, sport }, who = "") {
  console.log(`${new Date().toISOString()} ${what} ${src.includes(":") ? `[${src}]` : src}:${sport}${who}`);
}

let known = await listeners();
console.log(`watching ${known.size} listening ports`);
for (;;) {
  await setTimeout(everyMs);
  const now = await listeners();
  const opened = [...now.values()].filter(({ cookie }) => !known.has(cookie));
  const closed = [...known.values()].filter(({ cookie }) => !now.has(cookie));
  // `owners` reads every descriptor of the host, so call it only if a port has opened.
  const byInode = opened.length === 0 ? new Map() : owners(opened.map(({ inode }) => inode));
  for (const socket of opened) {
    const who = byInode.get(socket.inode)?.map(({ comm, pid }) => `${comm} (${pid})`) ?? [
      "a process we may not see",
    ];
    say("opened", socket, ` by ${who.join(", ")}`);
  }
  for (const socket of closed) say("closed", socket);
  known = now;
}
