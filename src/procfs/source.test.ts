import { expect, test } from "bun:test";
import { sourcesOf } from "./source.ts";

test("by default, netlink is used, and /proc is in its usual place", () => {
  const sources = sourcesOf({});
  expect(sources.withoutNetlink("tcp")).toBe(false);
  expect(sources.path("tcp6")).toBe("/proc/net/tcp6");
  expect(sources.path("portRange")).toBe("/proc/sys/net/ipv4/ip_local_port_range");
  expect(sources.diagFile).toBeUndefined();
});

test("PROC_ROOT moves every file and disables netlink for the tables that /proc has", () => {
  const sources = sourcesOf({ PROC_ROOT: "there" });
  expect(sources.root).toBe("there");
  expect(sources.path("snmp")).toBe("there/net/snmp");
  for (const table of ["tcp", "udp", "raw", "mptcp", "dccp", "sctp", "unix", "packet", "netlink"] as const)
    expect(sources.withoutNetlink(table)).toBe(true);
  for (const table of ["vsock", "tipc", "xdp"] as const) expect(sources.withoutNetlink(table)).toBe(false);
});

test("a PROC_NET variable takes effect if it is set, for its table only", () => {
  const sources = sourcesOf({ PROC_NET_UDP: "", PROC_NET_TCP6: "six", PROC_ROOT: undefined });
  expect(sources.withoutNetlink("udp")).toBe(true);
  expect(sources.path("udp")).toBe("");
  expect(sources.path("udp6")).toBe("/proc/net/udp6");
  expect(sources.withoutNetlink("tcp")).toBe(false);
  expect(sources.path("tcp6")).toBe("six");
});
