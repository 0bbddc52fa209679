/** Random command lines of ss: options, states and filters that ss and Sockscope both know. Seeded, so reproducible. */

/** Chooses at random; the same seed makes the same choices. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 to below `limit`. Mulberry32. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  /** One of some things. */
  of<T>(things: readonly T[]): T {
    return things[this.below(things.length)]!;
  }

  /** Whether something happens once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }
}

/** What sockets of a world have, for filters that match some of them. */
export interface Values {
  readonly ports: readonly string[];
  readonly addresses: readonly string[];
  readonly unixNames: readonly string[];
}

const tableOptions = ["-t", "-u", "-w", "-x", "-M", "-4", "-6", "-0", "--tcp", "--udp", "--raw", "--unix"];
const families = ["inet", "inet6", "unix", "netlink", "nosuch"];
const tables = [
  "tcp",
  "udp",
  "raw",
  "inet",
  "unix",
  "u_str",
  "unix_dgram",
  "u_seq",
  "all",
  "tcp,udp",
  "!tcp",
  "x",
];
const shows = [
  "-n",
  "-n",
  "-a",
  "-a",
  "-l",
  "-o",
  "-e",
  "-m",
  "-i",
  "-O",
  "-H",
  "--tos",
  "--inet-sockopt",
  "--cgroup",
];
const others = ["-s", "-r", "--numer", "--inf", "--no", "--ext=1", "-y", "--nosuch", "-Q0", "-F", "-N", "-f"];
const states = [
  "established",
  "syn-sent",
  "fin-wait-1",
  "close-wait",
  "listening",
  "closed",
  "connected",
  "synchronized",
  "bucket",
  "LISTENING",
  "nosuch",
];
const relations = ["=", "==", "eq", "!=", "ne", ">=", "ge", "<=", "leq", ">", "gt", "<", "lt", ""];
const names = ["lo", "0", "1", "nosuch", "if1", "lo:", "99999999999"];
const marks = ["0x1234", "0", "1/1", "0x1234/0xff", "-1", "zz", "1zz", "0x8000000000000000"];

function host(random: Random, { ports, addresses, unixNames }: Values): string {
  const port = random.of([...ports, "*", "http", "0x16", "70000", "zz", "-1"]);
  const address = random.of([
    ...addresses,
    "127",
    "127.1",
    "0.0.0.0",
    "any",
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
  ]);
  const length = random.once(3) ? `/${random.of([0, 1, 8, 24, 31, 32, 33, 96, 128])}` : "";
  const bare = address.startsWith("[") ? `[${address.slice(1, -1)}${length}]` : `${address}${length}`;
  return random.of([
    bare,
    bare,
    `${bare}:${port}`,
    `:${port}`,
    `*:${port}`,
    `inet:${bare}`,
    `inet6:${bare}`,
    `unix:${random.of([...unixNames, "*", "@*", "/?*", "[@/]*", ""])}`,
    random.of(["::1", "[::1", "1.2.3.4.5", "netlink:rtnl", "link:ip:lo", "link:*:lo:", "256", "0x7f000001"]),
  ]);
}

function predicate(random: Random, values: Values): string[] {
  const relation = random.of(relations);
  const operator = relation === "" ? [] : [relation];
  switch (random.below(7)) {
    case 0:
      return ["src", ...(random.once(3) ? ["="] : []), host(random, values)];
    case 1:
      return ["dst", ...(random.once(3) ? ["eq"] : []), host(random, values)];
    case 2:
    case 3: {
      const port = random.of([...values.ports, "1024", "http", "nosuch", "*", "-1", "0x7fffffff"]);
      return [random.of(["sport", "dport"]), ...operator, random.once(2) ? `:${port}` : port];
    }
    case 4:
      return ["dev", ...operator.slice(0, random.below(2)), random.of(names)];
    case 5:
      return ["fwmark", ...operator.slice(0, random.below(2)), random.of(marks)];
    default:
      return ["autobound"];
  }
}

function filter(random: Random, values: Values, depth = 0): string[] {
  if (depth > 3 || random.once(3)) return predicate(random, values);
  const left = filter(random, values, depth + 1);
  switch (random.below(5)) {
    case 0:
      return ["(", ...left, ")"];
    case 1:
      return [random.of(["not", "!"]), ...left];
    default:
      return [
        ...left,
        ...random.of([["and"], ["or"], ["&"], ["||"], []]),
        ...filter(random, values, depth + 1),
      ];
  }
}

/** Damages a filter: leaves a word out, repeats one, or puts another in. */
function damaged(random: Random, words: readonly string[]): string[] {
  const at = random.below(words.length);
  const repair = random.of([[], [words[at]!, words[at]!], ["and"], [")"], ["22"], ["\\"], ["src"]]);
  return [...words.slice(0, at), ...repair, ...words.slice(at + 1)];
}

/** A command line without the program's name. */
export function commandLine(random: Random, values: Values): string[] {
  const args: string[] = [];
  for (let count = random.below(3); count > 0; count--) args.push(random.of(tableOptions));
  if (random.once(6)) args.push("-f", random.of(families));
  if (random.once(6)) args.push("-A", random.of(tables));
  for (let count = random.below(4); count > 0; count--) args.push(random.of(shows));
  if (random.once(12)) args.push(random.of(others));
  if (random.once(4)) args.push(random.of(["state", "state", "exclude"]), random.of(states));
  if (!random.once(4)) {
    const words = filter(random, values);
    const typed = random.once(6) ? damaged(random, words) : words;
    args.push(...(random.once(2) ? [typed.join(" ")] : typed));
  }
  return args;
}
