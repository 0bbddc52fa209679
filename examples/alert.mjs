// Says which TCP ports open and close, and who opened them: `node examples/alert.mjs [EVERY_MS]`.
import { setTimeout } from "node:timers/promises";
import { owners, socketsAsync } from "sockscope";

const everyMs = Number(process.argv[2] ?? 1000);

/** The listeners of now by their cookie, which no other socket ever has. */
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
  // All descriptors of the host are looked at, so only if there is something to look for.
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
