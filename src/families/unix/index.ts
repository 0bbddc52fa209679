/** UNIX sockets. */
import type { Family } from "../family.ts";
import { directUnixRows } from "./direct.ts";
import { writeUnixRow } from "./row.ts";
import { type UnixSocket, unixDump } from "./socket.ts";
import { unixSubject } from "./subject.ts";

/** UNIX sockets. */
export const unix: Family<UnixSocket> = {
  dump: unixDump,
  writeRow: writeUnixRow,
  direct: directUnixRows,
  subject: unixSubject,
};
