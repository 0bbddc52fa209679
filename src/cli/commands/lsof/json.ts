/** `-J` and `-j`: the keys of lsof 4.99, always valid UTF-8, and with the addresses of Internet sockets. */
import { addressText } from "../../../model/address.ts";
import { AF_INET, AF_INET6 } from "../../../model/family.ts";
import type { Json } from "../../../model/json.ts";
import { flagNames } from "./flags.ts";
import type { End } from "./internet.ts";
import type { Row } from "./rows.ts";
import type { LsofSettings } from "./settings.ts";

/** The version of lsof whose keys these are. */
const LSOF_VERSION = "4.99.7";

type Values = { readonly [key: string]: Json };

const decoder = new TextDecoder();

/** A key, and the letter of `-F` that chooses it. */
type Key = readonly [letter: string, key: string, value: (row: Row) => Json | undefined];

function endObject({ address, port }: End): Values {
  const data = new DataView(address.buffer, address.byteOffset, address.length);
  return { address: addressText(data, 0, address.length === 4 ? AF_INET : AF_INET6), port };
}

const processKeys: readonly Key[] = [
  ["p", "pid", ({ process }) => process.pid],
  ["g", "pgid", ({ process }) => process.group],
  ["R", "ppid", ({ process }) => process.parent],
  ["c", "command", ({ process }) => decoder.decode(process.name)],
  ["u", "uid", ({ process }) => process.uid],
  ["L", "login", ({ process, user }) => (user === String(process.uid) ? undefined : user)],
];

const fileKeys: readonly Key[] = [
  ["f", "fd", ({ file }) => String(file.fd)],
  ["a", "access", () => "u"],
  ["t", "type", ({ type }) => type],
  ["d", "device", ({ device }) => device],
  ["o", "offset", () => "0"],
  ["i", "inode", ({ file }) => (file.kind === "unix" ? String(file.socket.inode) : undefined)],
  ["P", "protocol", ({ file }) => (file.kind === "internet" ? file.protocol : undefined)],
  ["G", "flags", ({ flags }) => (flags === undefined ? undefined : flagNames(flags))],
  ["n", "name", ({ name }) => name],
  ["n", "local", ({ file }) => (file.kind === "internet" ? endObject(file.local) : undefined)],
  [
    "n",
    "peer",
    ({ file }) => (file.kind === "internet" && file.peer.port !== 0 ? endObject(file.peer) : undefined),
  ],
  ["T", "tcp_info", tcpInfo],
  ["n", "netns", ({ netns }) => netns],
  ["n", "container", ({ container }) => container],
];

function tcpInfo({ file, state, queues }: Row): Values {
  if (file.kind === "unix") return {};
  return {
    ...(state === undefined ? {} : { state }),
    ...(queues === undefined ? {} : { recv_queue: queues.read, send_queue: queues.send }),
  };
}

function objectOf(keys: readonly Key[], row: Row, { fields }: LsofSettings): Values {
  const wanted = (letter: string) => letter === "p" || !fields || fields.includes(letter);
  const values: Record<string, Json> = {};
  for (const [letter, key, read] of keys) {
    const value = wanted(letter) ? read(row) : undefined;
    if (value !== undefined) values[key] = value;
  }
  return values;
}

/** The document of `-J`. */
export function jsonDocument(rows: readonly Row[], settings: LsofSettings): Values {
  const processes: { [key: string]: Json }[] = [];
  let files: Json[] = [];
  let pid: number | undefined;
  for (const row of rows) {
    if (row.process.pid !== pid) {
      files = [];
      processes.push({ ...objectOf(processKeys, row, settings), files });
    }
    pid = row.process.pid;
    files.push(objectOf(fileKeys, row, settings));
  }
  return { lsof_version: LSOF_VERSION, processes };
}

/** The lines of `-j`: keys of the process and of the file together. */
export function jsonLines(rows: readonly Row[], settings: LsofSettings): Values[] {
  return rows.map((row) => ({
    ...objectOf(processKeys, row, settings),
    ...objectOf(fileKeys, row, settings),
  }));
}
