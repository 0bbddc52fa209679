import { describe, expect, test } from "bun:test";
import { filesOf } from "../../test/tree.ts";
import type { Host, RpcService } from "../host/host.ts";
import { hostNames } from "../lookup/names.ts";
import { type RpcProtocol, rpcNames } from "./rpc.ts";

const rpc = "portmapper 100000 portmap # rpcbind\nnfs 100003 nfsprog\nmountd 100005\nypbind 100007\n";
const files = filesOf({
  range: "32768 60999\n",
  etc: { rpc, services: "nfs 2049/tcp\nnfs 2049/udp\nhttp 80/tcp\n", protocols: "tcp 6\nudp 17\n" },
});

const service = (program: number, netid: string, address: string): RpcService => ({
  program,
  version: 1,
  netid,
  address,
});

const registered = [
  service(100000, "tcp6", "::.0.111"),
  service(100003, "tcp", "0.0.0.0.8.1"),
  service(100005, "udp6", "::.0.17"),
  service(600000, "tcp", "0.0.0.0.0.80"),
  service(100005, "tcp", "0.0.0.0.156.65"),
  service(100007, "tcp", "0.0.0.0.156.65"),
];

/** The port cells of a table. */
function port(table: "tcp" | "udp" | "raw" | "mptcp", number: number): string | undefined {
  const names = hostNames({ files } as Host, { root: "/proc", portRange: "/range" }, () => undefined);
  names.useTable(table);
  names.useRpc(rpcNames(registered, files));
  const name = names.port(number);
  return name && new TextDecoder().decode(name);
}

// Each name is the one that ss 6.1.0 shows with rpcbind 1.2.6.
describe("the name of a port", () => {
  test("is the program's before the service's", () => {
    expect(port("tcp", 2049)).toBe("rpc.nfs");
    expect(port("tcp", 111)).toBe("rpc.portmapper");
  });

  test("is the service's if no program is registered for the protocol", () => {
    expect(port("udp", 2049)).toBe("nfs");
    expect(port("udp", 111)).toBeUndefined();
    expect(port("udp", 17)).toBe("rpc.mountd");
    expect(port("tcp", 17)).toBeUndefined();
  });

  test("exists in the range of clients' ports, too", () => {
    expect(port("tcp", 40001)).toBe("rpc.ypbind");
  });

  test("is absent for a program without a name, even if the port has a service", () => {
    expect(port("tcp", 80)).toBeUndefined();
  });

  test("is never a program's in tables of other protocols", () => {
    expect(port("raw", 6)).toBe("tcp");
    expect(port("raw", 111)).toBe("ipproto-111");
    expect(port("mptcp", 111)).toBeUndefined();
  });
});

test("a program has the ports of all its registrations, and none under another's name", () => {
  const names = rpcNames([...registered, service(100003, "tcp", "0.0.0.0.0.81")], files);
  expect(names.ports("rpc.nfs", "tcp")).toEqual([2049, 81]);
  expect(names.ports("rpc.nfs", "udp")).toEqual([]);
  expect(names.ports("rpc.mountd", "tcp")).toEqual([40001]);
  for (const name of ["nfs", "rpc.NFS", "rpc.nfsprog", "rpc.600000"])
    expect(names.ports(name, "tcp")).toEqual([]);
});

test("skips a program that does not listen on every address or has no port", () => {
  const addresses = [
    "127.0.0.1.0.80",
    "10.1.2.3.0.85",
    "::1.0.87",
    "0.0.0.0.300.1",
    "1.88",
    ".0.89",
    "0.0.0.0.0x0.90",
    "a.b.c.d.0.92",
    "0.0.0.0.0.0.0.83",
    "0.0.0.0.0",
    "/run/rpcbind.sock",
    "",
  ];
  for (const address of addresses) {
    const names = rpcNames([service(100003, "tcp", address)], files);
    expect(names.ports("rpc.nfs", "tcp")).toEqual([]);
  }
  for (const netid of ["local", "sctp", "constructor", ""]) {
    const names = rpcNames([service(100003, netid, "0.0.0.0.0.81")], files);
    for (const protocol of ["tcp", "udp"] as RpcProtocol[]) expect(names.has(81, protocol)).toBe(false);
  }
});
