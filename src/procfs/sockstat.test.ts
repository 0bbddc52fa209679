import { expect, test } from "bun:test";
import { countSockets, establishedOf } from "./sockstat.ts";

test("the counts of both files are read by their names", () => {
  const sockstat =
    "sockets: used 245\nTCP: inuse 12 orphan 3 tw 7 alloc 19 mem 4\nUDP: inuse 5 mem 2\nUDPLITE: inuse 1\nRAW: inuse 1\nFRAG: inuse 2 memory 640\n";
  const sockstat6 =
    "TCP6: inuse 4\nUDP6: inuse 3\nUDPLITE6: inuse 0\nRAW6: inuse 2\nFRAG6: inuse 1 memory 0\n";
  expect(countSockets(sockstat, sockstat6, 9)).toEqual({
    used: 245,
    tcpAllocated: 19,
    tcpOrphaned: 3,
    tcpTimeWait: 7,
    tcpEstablished: 9,
    raw: { ipv4: 1, ipv6: 2 },
    udp: { ipv4: 5, ipv6: 3 },
    tcp: { ipv4: 12, ipv6: 4 },
    frag: { ipv4: 2, ipv6: 1 },
  });
});

test("missing counts are 0", () => {
  const counts = countSockets("nothing\nsockets: used\nUDP: 3\nRAW: inuse -4\n", "", 0);
  expect(counts).toMatchObject({ used: 0, udp: { ipv4: 0, ipv6: 0 }, raw: { ipv4: -4, ipv6: 0 } });
});

test.each([
  ["Ip: X\nIp: 3\nTcp: A CurrEstab B\nTcp: 1 9 3\nUdp: 5\n", 9],
  ["Tcp: A B\nTcp: 1 2\n", 2],
  ["Tcp: A CurrEstab\nTcp: 1 x\n", 0],
  ["Tcp: CurrEstab\nUdp: 5\n", undefined],
  ["Tcp: A B CurrEstab\nTcp: 1\n", undefined],
  ["Tcp: A CurrEstab", undefined],
  ["TcpExt: CurrEstab\nTcpExt: 5\n", undefined],
])("the established connections of %j are %p", (snmp, established) => {
  expect(establishedOf(snmp)).toBe(established);
});
