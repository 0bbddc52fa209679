/** Damaged copies of the corpus's recordings, and command lines that read them. Seeded, so reproducible. */
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Random } from "../kernel/command-lines.ts";

const fixtures = join(import.meta.dirname, "../fixtures");
/** Larger files are copied whole into every recording, which takes longer than a run. */
const MOST_BYTES = 200_000;
const PCAP_HEADER = 24;

/** Names of the recordings that are small enough. */
export const recordings = readdirSync(fixtures).filter((name) => {
  const pcap = join(fixtures, name, "recording.pcap");
  return existsSync(pcap) && lstatSync(pcap).size <= MOST_BYTES;
});

/** Text that terminals, tables and JSON must survive. */
const hostile = [
  "\x1b[2J\x1b]0;x\x07",
  "\x9b31m",
  "\u009b31m",
  "\u202e\u2066",
  "\r\n",
  "\n",
  "\0",
  "\xff\xfe",
  '"\\\u2028',
  "%s%n",
  "\x7f\x08\x08",
].map((text) => Buffer.from(text, "latin1"));
const numbers = [0, 1, 3, 4, 15, 16, 0x7f, 0x80, 0xff, 0xfffc, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** Damages bytes behind a header. */
function damaged(random: Random, original: Uint8Array, header: number): Buffer {
  let bytes = Buffer.from(original);
  for (let count = 1 + random.below(8); count > 0 && bytes.length > header + 4; count--) {
    const at = header + random.below(bytes.length - header - 4);
    switch (random.below(8)) {
      case 0:
        bytes[at] = random.below(256);
        break;
      case 1:
        bytes[at] = bytes[at]! ^ (1 << random.below(8));
        break;
      case 2:
        bytes.writeUInt32LE(random.of(numbers), at);
        break;
      case 3:
        bytes.writeUInt16LE(random.of(numbers) & 0xffff, at & ~1);
        break;
      case 4:
        random.of(hostile).copy(bytes, at);
        break;
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, at), random.of(hostile), bytes.subarray(at)]);
        break;
      case 6: {
        const end = Math.min(bytes.length, at + random.below(200));
        bytes = random.once(2)
          ? Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)])
          : Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
        break;
      }
      default:
        if (random.once(6)) bytes = bytes.subarray(0, at);
        else bytes.copyWithin(at, header + random.below(bytes.length - header), bytes.length);
    }
  }
  return bytes;
}

/** Damages strings of letters in place, so that lengths stay right and names arrive. */
function renamed(random: Random, original: Uint8Array): Buffer {
  const bytes = Buffer.from(original);
  const text = bytes.toString("latin1");
  for (const { index, 0: word } of text.matchAll(/[a-z][a-z0-9_/.-]{3,}/gi)) {
    if (index < PCAP_HEADER || !random.once(3)) continue;
    const with_ = random.of(hostile);
    with_.copy(bytes, index, 0, Math.min(with_.length, word.length));
  }
  return bytes;
}

/** Regular files below a folder. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Makes a damaged copy of a recording. @returns the name of the recording */
export function damageRecording(random: Random, folder: string): string {
  const name = random.of(recordings);
  mkdirSync(dirname(folder), { recursive: true });
  const source = join(fixtures, name);
  mkdirSync(folder);
  for (const part of ["recording.pcap", "cgroups.txt", "proc"])
    if (existsSync(join(source, part)))
      cpSync(join(source, part), join(folder, part), { recursive: true, verbatimSymlinks: true });
  const pcap = join(folder, "recording.pcap");
  const original = readFileSync(pcap);
  const named = random.once(2) ? renamed(random, original) : original;
  if (!random.once(4)) writeFileSync(pcap, damaged(random, named, random.once(20) ? 0 : PCAP_HEADER));
  else writeFileSync(pcap, named);
  for (const file of filesOf(folder)) {
    if (file === pcap || !random.once(4)) continue;
    const bytes = readFileSync(file);
    writeFileSync(file, random.once(2) ? renamed(random, bytes) : damaged(random, bytes, 0));
  }
  return name;
}

const selections = [
  ["-a"],
  ["-tan"],
  ["-xa"],
  ["-0a"],
  ["-uwan"],
  ["-aA", "all"],
  ["-a", "-f", "netlink"],
  ["-a", "--vsock", "--tipc", "--xdp"],
  ["-SMa"],
  ["-a", "state", "all"],
];
const details = [
  "-e",
  "-m",
  "-i",
  "-o",
  "-p",
  "-T",
  "-Z",
  "-z",
  "-O",
  "-n",
  "-H",
  "--tos",
  "--cgroup",
  "--peer",
];
const more = ["--container", "--explain", "--bpf-maps", "--inet-sockopt", "-r"];
const filters = [
  "sport = :22 or dport >= 1024",
  "not src 10.0.0.0/8",
  "src unix:*",
  "comm *",
  "rtt > 1ms",
  "autobound or dev lo",
  "cgroup /",
];
const outputs = [
  ["--json"],
  ["--json"],
  ["--ndjson"],
  ["--csv"],
  ["--columns", "all"],
  ["--by", "state"],
  ["--by", "peer.address,state", "--json"],
  ["--sort", "-recvq", "--top", "3"],
  ["-s"],
  ["-s", "--json"],
];

/** A command line that reads a recording. */
export function readingCommand(random: Random, folder: string): string[] {
  if (random.once(8)) return ["doctor", "--replay", folder, ...(random.once(2) ? ["--json"] : [])];
  const args = ["--replay", folder, ...random.of(selections)];
  for (let count = random.below(5); count > 0; count--) args.push(random.of(details));
  if (random.once(3)) args.push(random.of(more));
  if (random.once(2)) args.push(...random.of(outputs));
  if (random.once(4)) args.push(random.of(filters));
  return args;
}
