/** An answer that breaks off is said, and a program sees it in the exit status. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodePcap, encodePcap, type Packet } from "../../src/replay/pcap.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const recorded = join(import.meta.dirname, "../fixtures/mixed-500/recording.pcap");
const scratch = mkdtempSync(join(tmpdir(), "sockscope-loss-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const NETLINK_SOCK_DIAG = 4;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const EIO = 5;

function message(type: number, flags: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16 + payload.length);
  const data = new DataView(bytes.buffer);
  data.setUint32(0, bytes.length, true);
  data.setUint16(4, type, true);
  data.setUint16(6, flags, true);
  data.setUint32(8, 1, true);
  data.setUint32(12, 1, true);
  bytes.set(payload, 16);
  return bytes;
}

const code = (errno: number) => new Uint8Array(Int32Array.of(-errno).buffer);

/** A TCP socket of either family, as a request for TCP is answered. */
function isSocketsOfTcp({ protocol, datagram }: Packet): boolean {
  return (
    protocol === NETLINK_SOCK_DIAG && datagram.length > 16 + 72 && datagram[4] === 20 && datagram[6] === 2
  );
}

/** The recording with something in place of what follows the first datagram of sockets of each answer. */
function replayWith(
  name: string,
  change: (datagram: Uint8Array) => readonly Uint8Array[],
  args: readonly string[],
) {
  const folder = join(scratch, name);
  mkdirSync(folder, { recursive: true });
  const packets = decodePcap(readFileSync(recorded), recorded).flatMap((packet) =>
    isSocketsOfTcp(packet) ? change(packet.datagram).map((datagram) => ({ ...packet, datagram })) : [packet],
  );
  writeFileSync(join(folder, "recording.pcap"), encodePcap(packets));
  const { stdout, stderr, exitCode } = Bun.spawnSync([executable, "--replay", folder, "-tan", ...args], {
    stderr: "pipe",
  });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exit: exitCode };
}

const cases = {
  "the kernel's error within the answer": {
    change: (datagram: Uint8Array) => [
      datagram,
      message(NLMSG_ERROR, 0, new Uint8Array([...code(EIO), ...Array(16).fill(0)])),
    ],
    says: "RTNETLINK answers: Input/output error\n",
    textStatus: 0,
  },
  "an answer that ends with an error": {
    change: (datagram: Uint8Array) => [datagram, message(NLMSG_DONE, 2, code(EIO))],
    says: "RTNETLINK answers: Input/output error\n",
    textStatus: 0,
  },
  "bytes behind the last message of a datagram": {
    change: (datagram: Uint8Array) => [Buffer.concat([datagram, new Uint8Array(8)])],
    says: "8 bytes are left over",
    textStatus: 1,
  },
  "a message that is longer than its datagram": {
    change: (datagram: Uint8Array) => [Buffer.concat([datagram, message(20, 2, code(0)).subarray(0, 18)])],
    says: "a message of 20 bytes does not fit",
    textStatus: 1,
  },
} as const;

let sockets = 0;
beforeAll(() => {
  sockets = JSON.parse(replayWith("whole", (datagram) => [datagram], ["--json"]).stdout).length;
});

describe.each(Object.entries(cases))("%s", (name, { change, says, textStatus }) => {
  const id = name.replaceAll(" ", "-");

  test("is said, and the sockets before it are listed", () => {
    const { stdout, stderr, exit } = replayWith(id, change, []);
    expect(stderr).toContain(says);
    expect(stdout.split("\n").length).toBeGreaterThan(2);
    expect(exit).toBe(textStatus);
  });

  test.each(["--json", "--ndjson", "--csv"])("is the exit status with %s", (format) => {
    const { stdout, stderr, exit } = replayWith(id, change, [format]);
    expect(stderr).toContain(says);
    expect(exit).toBe(1);
    if (format === "--json") expect(JSON.parse(stdout).length).toBeGreaterThan(0);
  });
});

test("an empty datagram loses nothing", () => {
  const { stdout, stderr, exit } = replayWith("empty", (datagram) => [new Uint8Array(0), datagram], [
    "--json",
  ]);
  expect(sockets).toBeGreaterThan(0);
  expect({ count: JSON.parse(stdout).length, stderr, exit }).toEqual({ count: sockets, stderr: "", exit: 0 });
});
