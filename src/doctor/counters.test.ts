import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { readCounters } from "./counters.ts";

const files = {
  "net/netstat":
    "TcpExt: SyncookiesSent ListenOverflows\nTcpExt: 3 12\nIpExt: InOctets\nIpExt: 18446744073709551615\n",
  "net/snmp": "Tcp: RtoMax MaxConn\nTcp: 120000 -1\nUdp: InDatagrams\nUdp: x\n",
  "net/snmp6":
    "Ip6InReceives                   \t30\nUdp6RcvbufErrors                \t7\nUdpLite6InErrors\t2\n",
  "net/sockstat": "sockets: used 10\nTCP: inuse 3 orphan 1 tw 5 alloc 4 mem 2\n",
  "net/sockstat6": "TCP6: inuse 2\nFRAG6: inuse 0 memory 0\n",
} as const;

test("readCounters() parses the format of each file", () => {
  const counters = readCounters((path) => files[path as keyof typeof files]);
  expect(Object.fromEntries(counters)).toEqual({
    "TcpExt.SyncookiesSent": 3,
    "TcpExt.ListenOverflows": 12,
    "IpExt.InOctets": 2 ** 64,
    "Tcp.RtoMax": 120000,
    "Tcp.MaxConn": -1,
    "Ip6.InReceives": 30,
    "Udp6.RcvbufErrors": 7,
    "UdpLite6.InErrors": 2,
    "sockstat.sockets.used": 10,
    "sockstat.TCP.inuse": 3,
    "sockstat.TCP.orphan": 1,
    "sockstat.TCP.tw": 5,
    "sockstat.TCP.alloc": 4,
    "sockstat.TCP.mem": 2,
    "sockstat.TCP6.inuse": 2,
    "sockstat.FRAG6.inuse": 0,
    "sockstat.FRAG6.memory": 0,
  });
});

test("readCounters() returns no counters if the file is missing", () => {
  expect(readCounters(() => undefined).size).toBe(0);
});

test("readCounters() reads every counter that this kernel writes", () => {
  const text = (path: string) => readFileSync(`/proc/${path}`, "utf8");
  const counters = readCounters(text);
  for (const file of ["net/netstat", "net/snmp"]) {
    const lines = text(file).trimEnd().split("\n");
    for (const line of lines.filter((_, index) => index % 2 === 0)) {
      const [label, ...names] = line.trim().split(" ");
      for (const name of names) expect(counters.has(`${label!.slice(0, -1)}.${name}`)).toBe(true);
    }
  }
  expect(counters.has("Udp6.RcvbufErrors")).toBe(true);
});

test("readCounters() accepts any text, and returns numbers only", () => {
  const piece = fc.constantFrom(
    "TcpExt:",
    "Tcp:",
    "Udp6X",
    " ",
    "\n",
    "1",
    "-5",
    "a",
    "9".repeat(30),
    "\0",
    "é",
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join("")),
  );
  fc.assert(
    fc.property(text, (any) => {
      for (const value of readCounters(() => any).values()) expect(Number.isFinite(value)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test("readCounters() reads the lines before a truncated one", () => {
  const whole = files["net/netstat"];
  const names = [...readCounters((path) => (path === "net/netstat" ? whole : undefined)).keys()];
  fc.assert(
    fc.property(fc.nat(whole.length), (length) => {
      const counters = readCounters((path) => (path === "net/netstat" ? whole.slice(0, length) : undefined));
      expect(names.slice(0, counters.size)).toEqual([...counters.keys()]);
    }),
  );
});
