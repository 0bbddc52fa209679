import { describe, expect, test } from "bun:test";
import { filesOf } from "../../test/tree.ts";
import type { Files } from "./host.ts";
import { netnsMounts } from "./mounts.ts";
import { findNamespaces, netnsLabel } from "./namespaces.ts";

const mountinfo = `22 1 0:21 / /proc rw,nosuid shared:12 - proc proc rw
41 40 0:4 net:[4026532300] /run/netns/blue rw shared:2 - nsfs nsfs rw
42 41 0:4 net:[4026532300] /run/netns/blue rw shared:2 - nsfs nsfs rw
43 40 0:4 net:[4026532400] /run/docker/netns/a\\040b rw shared:3 - nsfs nsfs rw
44 40 0:4 mnt:[4026532500] /run/mnt/x rw - nsfs nsfs rw
`;

const tree = filesOf({
  proc: {
    self: { mountinfo },
    1: { ns: { net: "net:[4026531840]" } },
    12: { ns: { net: "net:[4026532200]" } },
    9: { ns: { net: "net:[4026532200]" } },
    30: { ns: { net: "net:[4026532300]" } },
    // Processes that we may not read, that are dead, and that are exiting and have no namespace any more.
    40: { stat: "40 (secret) S 1 40 40 0 -1 4194560 0" },
    41: { stat: "41 (dead) Z 1 41 41 0 -1 4194560 0" },
    42: { stat: "42 (exiting) R 1 42 42 0 -1 4194560 0" },
  },
  var: { run: { netns: { blue: "", linked: "/proc/9/ns/net", stale: "" } } },
});

/** The kernel's error for the process that we may not read. */
const host: Files = {
  ...tree,
  read(path) {
    if (path === "/proc/40/ns/net") throw Object.assign(new Error(path), { code: "EACCES" });
    return tree.read(path);
  },
};

describe("findNamespaces()", () => {
  const { namespaces, stale, unreadable } = findNamespaces(host);

  test("finds namespaces of processes, named ones and mounted ones, each once", () => {
    expect(namespaces.map(({ inode, name, pid }) => ({ inode, name, pid }))).toEqual([
      { inode: 4026531840, name: undefined, pid: 1 },
      { inode: 4026532200, name: "linked", pid: 9 },
      { inode: 4026532300, name: "blue", pid: 30 },
      { inode: 4026532400, name: undefined, pid: undefined },
    ]);
  });

  test("labels each by its name, else its lowest process, else its inode", () => {
    expect(namespaces.map(netnsLabel)).toEqual(["pid:1", "linked", "blue", "inode:4026532400"]);
  });

  test("keeps every file of a namespace, because a process may have exited when the file is opened", () => {
    expect(namespaces[1]!.paths).toEqual(["/proc/9/ns/net", "/proc/12/ns/net", "/var/run/netns/linked"]);
    expect(namespaces[3]!.paths).toEqual(["/run/docker/netns/a b"]);
  });

  test("reports names without a namespace, and processes that may not be read", () => {
    expect(stale).toEqual(["stale"]);
    expect(unreadable).toBe(1);
  });

  test("finds nothing in an empty world", () => {
    expect(findNamespaces(filesOf({}))).toEqual({ namespaces: [], stale: [], unreadable: 0 });
  });
});

test("netnsMounts() reads only mounts of network namespaces", () => {
  expect(netnsMounts(mountinfo).map(({ inode }) => inode)).toEqual([4026532300, 4026532300, 4026532400]);
});
