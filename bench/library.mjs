/**
 * How long the library keeps the event loop of Node from turning, over the sockets of this network namespace. Prints
 * a Markdown table.
 *
 * Usage: node bench/library.mjs [RUNS], with the library built
 */
import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { sockets, socketsAsync } from "sockscope";

const runs = Number(process.argv[2] ?? 7);

/** No more than this, in ms. */
const TARGET_MS = 20;

/** Each case: its name, the function that lists, what is done with each socket, and the options. */
const cases = [
  ["`socketsAsync`, kept", socketsAsync, (socket, kept) => kept.push(socket), { info: true, memory: true }],
  ["`socketsAsync`, as JSON", socketsAsync, (socket) => JSON.stringify(socket), {}],
  // The kernel walks all sockets in one call.
  ["`socketsAsync`, filtered to none", socketsAsync, () => undefined, { filter: "sport = :1" }],
  ["`sockets`, kept", sockets, (socket, kept) => kept.push(socket), { info: true, memory: true }],
];

/** Lists once. @returns what it took, and the longest time between two turns of the event loop, in ms */
async function measure(list, take, options) {
  let longest = 0;
  let last = performance.now();
  let count = 0;
  const kept = [];
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  };
  let done = false;
  const watcher = (async () => {
    for (; !done; turn()) await setImmediate();
    turn();
  })();
  await setImmediate();
  const start = performance.now();
  for await (const socket of list({ tables: ["tcp"], ...options })) {
    take(socket, kept);
    count++;
  }
  const total = performance.now() - start;
  done = true;
  await watcher;
  return { count, total, longest };
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

console.log("| library on Node | sockets | ms | longest without a turn, ms | target |");
console.log("|---|--:|--:|--:|--:|");
for (const [name, list, take, options] of cases) {
  const results = [];
  // The first round warms up.
  for (let run = 0; run <= runs; run++) results.push(await measure(list, take, options));
  const [{ count }, ...rest] = results;
  const total = median(rest.map((each) => each.total));
  const longest = Math.max(...rest.map((each) => each.longest));
  const target = list === socketsAsync ? `≤ ${TARGET_MS}` : "";
  console.log(`| ${name} | ${count} | ${total.toFixed(0)} | ${longest.toFixed(1)} | ${target} |`);
}
