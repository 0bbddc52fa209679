/** `-Z` and `-z`: SELinux contexts of whoever has a socket, on a machine made of plain objects. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fixtures } from "../../test/golden/cases.ts";
import { filesOf, type Tree } from "../../test/tree.ts";
import type { Host } from "../host/host.ts";
import { replayTransport } from "../replay/kernel.ts";
import { decodePcap } from "../replay/pcap.ts";
import { readRecording } from "../replay/recording.ts";
import { run } from "./run.ts";

const pcap = decodePcap(readFileSync(join(fixtures, "netlink/recording.pcap")), "netlink");

/** The machine of the netlink recording: 4112 is a process, 4113 one without context, 0 the kernel. */
const machine = (selinux: Tree): Host => ({
  transport: replayTransport(readRecording(pcap)),
  files: filesOf({
    proc: { 4112: { stat: "4112 (udevd) S", attr: { current: "system_u:system_r:udev_t:s0\0" } } },
    sys: { fs: { selinux } },
  }),
  resolver: { addresses: async () => [], name: async () => undefined, rpcServices: async () => [] },
  bpf: () => Promise.reject(new Error("nothing requests BPF maps")),
  cgroups: () => undefined,
});
const enabled = { enforce: "1", initial_contexts: { kernel: "system_u:system_r:kernel_t:s0\0" } };

async function sockscope(host: Host, ...args: string[]) {
  const output = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof output) => ({
    write: (bytes: Uint8Array) => {
      output[name] += Buffer.from(bytes).toString();
    },
    terminalColumns: undefined,
  });
  const exit = await run({
    program: "ss",
    args: ["-H", "-a", "-f", "netlink", ...args],
    env: {},
    stdout: stream("stdout"),
    stderr: stream("stderr"),
    readStdin: () => new Uint8Array(),
    terminal: () => undefined,
    interrupted: () => new AbortController().signal,
    host,
  });
  return { ...output, exit };
}

/** What follows the addresses of the sockets at the port ids of a process, of none, and of the kernel. */
async function details(...args: string[]): Promise<string[]> {
  const { stdout } = await sockscope(machine(enabled), ...args);
  return ["0:4112", "0:4113", "16:0"].map((local) => {
    const line = stdout.split("\n").find((each) => each.includes(` ${local} `));
    return line!.slice(line!.indexOf("proc_ctx=")).trimEnd();
  });
}

const contexts = [
  "proc_ctx=system_u:system_r:udev_t:s0",
  "proc_ctx=unavailable",
  "proc_ctx=system_u:system_r:kernel_t:s0",
];

describe("netlink sockets", () => {
  test("-Z and -z show the context of the process with that port id", async () => {
    for (const options of [["-Z"], ["-z"], ["-Z", "-z"], ["-Zp"]])
      expect(await details("-n", ...options)).toEqual(contexts);
  });

  test("the context comes before what -e and -m show", async () => {
    const [first] = await details("-nZem");
    expect(first).toStartWith(`${contexts[0]} sk=0 cb=0 groups=0x`);
    expect(first).toContain("\t skmem:(");
  });

  test("our own columns precede the details and contexts", async () => {
    expect(await details("-nZ", "--peer")).toEqual(contexts);
  });

  test("JSON has the available contexts, and only on request", async () => {
    const read = async (...args: string[]) => {
      const { stdout } = await sockscope(machine(enabled), "--json", ...args);
      return (JSON.parse(stdout) as { local?: { portId: number; processContext?: string } }[]).flatMap(
        ({ local }) => (local?.processContext === undefined ? [] : [[local.portId, local.processContext]]),
      );
    };
    const kernel = "system_u:system_r:kernel_t:s0";
    expect(await read("-Z")).toContainEqual([4112, "system_u:system_r:udev_t:s0"]);
    expect(await read("-Z")).toContainEqual([0, kernel]);
    expect(await read("-p")).toEqual([]);
  });
});

test("without SELinux there is nothing to show", async () => {
  expect(await sockscope(machine({}), "-Z")).toEqual({
    stdout: "",
    stderr: "ss: SELinux is not enabled.\n",
    exit: 1,
  });
});
