/** Any file contents from processes, container tools and their users are reported or skipped, and end no run. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { containerLabel, findContainers } from "../../src/enrich/containers.ts";
import { processDetails } from "../../src/enrich/process-details.ts";
import { processName, scanProcesses } from "../../src/enrich/processes.ts";
import { findNamespaces, netnsLabel } from "../../src/host/namespaces.ts";
import { filesOf, type Tree } from "../tree.ts";

const numRuns = Number(process.env["FUZZ_RUNS"] ?? 1000);

const ID = "0123456789abcdef".repeat(4);
const UID = "1b4e28ba-2fa1-11d2-883f-0016d3cca427";

/** Text made of what the files are made of, and of anything. */
const textOf = (...pieces: string[]) =>
  fc
    .array(
      fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...pieces, "\n", " ", "/", "0", "7") },
        fc.nat().map(String),
        fc.bigInt({ min: 0n, max: 1n << 80n }).map(String),
        fc.string({ unit: "binary", maxLength: 6 }),
      ),
      { maxLength: 30 },
    )
    .map((parts) => parts.join(""));

const stat = fc.oneof(
  textOf("7 (name) ", "S ", ")", "("),
  // Fields 4 to 21 behind the state, then when it began.
  fc
    .oneof(textOf(), fc.bigInt({ min: 0n, max: 1n << 70n }).map(String))
    .map((start) => `7 (a) b) S ${"1 ".repeat(18)}${start} 0`),
);
const cgroupText = textOf(
  "0::",
  "1:name=systemd:",
  `/docker-${ID}.scope`,
  "/user-1000.slice/",
  `libpod-${ID}.scope`,
  `/kubepods-pod${UID.replaceAll("-", "_")}.slice/`,
  `cri-containerd-${ID}.scope`,
  "/lxc.payload.",
  "machine-x\\x2dy.scope",
  "ssh.service",
);
const json = fc.oneof(
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.array(fc.jsonValue()).map((value) => JSON.stringify(value)),
  fc
    .array(fc.record({ id: fc.oneof(fc.constant(ID), fc.jsonValue()), names: fc.jsonValue() }))
    .map((value) => JSON.stringify(value)),
  fc.record({ Name: fc.jsonValue() }).map((value) => JSON.stringify(value)),
  fc.string(),
);
const link = fc.oneof(
  fc.nat().map((inode) => `socket:[${inode}]`),
  textOf("socket:[", "net:[", "]"),
);
const mountinfo = textOf(
  "36 35 0:4 net:[4026532000] /run/netns/blue rw shared:1 - nsfs nsfs rw",
  " net:[4026532001] ",
  "\\040",
  "\\777",
  " - nsfs ",
);

const machine: fc.Arbitrary<Tree> = fc
  .record({
    stat,
    cgroupText,
    json,
    link,
    mountinfo,
    boot: fc.oneof(fc.constant("btime 1700000000\n"), textOf("btime ")),
    status: textOf("Uid:\t", "1000\t"),
    cmdline: textOf("\0", "-x"),
    passwd: textOf("root:x:0:0:r:/root:/bin/sh\n", ":", "u:x:1000:1000::/home/u:\n"),
    logs: fc.array(
      fc.oneof(
        fc.constantFrom(`pod_ns_name-${ID}.log`, `ns_pod_${UID}`),
        textOf("_", "-").map((name) => name.replaceAll("/", "")),
      ),
      { maxLength: 3 },
    ),
  })
  .map(({ stat, cgroupText, json, link, mountinfo, boot, status, cmdline, passwd, logs }) => {
    const named = Object.fromEntries(logs.map((name) => [`x${name}`.slice(1), ""]));
    const one = {
      stat,
      status,
      cmdline,
      cgroup: cgroupText,
      exe: link,
      attr: { current: cmdline },
      ns: { net: link },
    };
    const storage = { storage: { "overlay-containers": { "containers.json": json } } };
    return {
      proc: {
        stat: boot,
        self: { mountinfo },
        7: { ...one, fd: { 0: link, 3: link }, task: { 8: { ...one, fd: { 4: link } } } },
      },
      etc: { passwd },
      var: {
        log: { containers: named, pods: named },
        lib: { docker: { containers: { [ID]: { "config.v2.json": json } } }, containers: storage },
        run: { netns: named },
      },
      home: { u: { ".local": { share: { containers: storage } } } },
    };
  });

test("any files yield owners, details, containers and network namespaces", () => {
  fc.assert(
    fc.property(machine, (tree) => {
      const files = filesOf(tree);
      const options = { threads: true, processContext: true, socketContext: true };
      const { owners } = scanProcesses(files, "/proc", undefined, options);
      const details = processDetails(files, "/proc");
      for (const owner of [...owners].flatMap(([, list]) => list)) {
        JSON.stringify({ ...details(owner), name: processName(owner.stat) });
      }
      const { byProcess } = findContainers(files, "/proc");
      const { container } = byProcess(7);
      if (container !== undefined) expect(containerLabel(container)).toBeString();
      for (const { inode, name, pid } of findNamespaces(files).namespaces)
        expect(netnsLabel({ inode, name, pid })).toBeString();
    }),
    { numRuns },
  );
});
