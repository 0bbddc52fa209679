import { expect, test } from "bun:test";
import { formatSummary, summaryObject } from "./summary.ts";

const counts = {
  used: 245,
  tcpAllocated: 19,
  tcpOrphaned: 3,
  tcpTimeWait: 7,
  tcpEstablished: 9,
  raw: { ipv4: 1, ipv6: 2 },
  udp: { ipv4: 5, ipv6: 3 },
  tcp: { ipv4: 12, ipv6: 4 },
  frag: { ipv4: 2, ipv6: 1 },
};

test("the summary has ss's words, sums and spacing", () => {
  expect(formatSummary(counts).split("\n")).toEqual([
    "Total: 245",
    "TCP:   26 (estab 9, closed 10, orphaned 3, timewait 7)",
    "",
    "Transport Total     IP        IPv6",
    "RAW\t  3         1         2        ",
    "UDP\t  8         5         3        ",
    "TCP\t  16        12        4        ",
    "INET\t  27        18        9        ",
    "FRAG\t  3         2         1        ",
    "",
    "",
  ]);
});

test("no number in the object mixes host and network namespace", () => {
  const object = summaryObject(counts);
  expect(object.tcpStates).toEqual({ established: 9, timeWait: 7, orphaned: 3, allocatedOnHost: 19 });
  expect(object.transports.inet).toEqual({ total: 27, ipv4: 18, ipv6: 9 });
});
