import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { writeField } from "../bytes/layout.ts";
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../families/inet/layouts/inet-diag.ts";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import { InetSocket } from "../families/inet/socket.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "../model/family.ts";
import { explanationOf, explanationText, groupedFields } from "./explain.ts";

const ESTABLISHED = 1;
const SYN_SENT = 2;
const LISTEN = 10;

/** A socket with attributes, by their numbers. */
function socketWith(
  state: number,
  attributes: readonly (readonly [type: number, payload: Uint8Array])[],
  protocol = IPPROTO_TCP,
): InetSocket {
  const encoded = attributes.map(([type, payload]) => {
    const bytes = Buffer.alloc((4 + payload.length + 3) & ~3);
    bytes.writeUInt16LE(4 + payload.length, 0);
    bytes.writeUInt16LE(type, 2);
    bytes.set(payload, 4);
    return bytes;
  });
  const bytes = Buffer.concat([Buffer.alloc(INET_DIAG_MESSAGE_SIZE), ...encoded]);
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  writeField(inetDiagMessage.stateNumber, data, 0, state);
  return new InetSocket(data, 0, bytes.length, { protocol, describe: () => ({}) });
}

/** A struct tcp_info of so many bytes, with these fields. */
function info(length: number, fields: Partial<Record<keyof typeof tcpInfo, number>>): Uint8Array {
  const bytes = new Uint8Array(length);
  for (const [name, value] of Object.entries(fields))
    writeField(tcpInfo[name as keyof typeof tcpInfo], new DataView(bytes.buffer), 0, value);
  return bytes;
}

const style = { screen: undefined, oneline: false };
const WHOLE = 280;

describe("explanationText()", () => {
  test("has every field of tcp_info in one group", () => {
    const grouped = groupedFields.flatMap(({ fields }) => fields.map(({ column }) => column.field));
    const left = Object.entries(tcpInfo).filter(([, field]) => !grouped.includes(field));
    // The state has a column of its own.
    expect(left.map(([name]) => name)).toEqual(["state"]);
  });

  test("has no two fields at one place, nor of one name", () => {
    const fields = groupedFields.flatMap(({ heading, fields }) =>
      fields.map(({ name, column }) => ({ name, place: `${heading} ${column.group![1]}` })),
    );
    expect(new Set(fields.map(({ name }) => name)).size).toBe(fields.length);
    expect(new Set(fields.map(({ place }) => place)).size).toBe(fields.length);
  });

  test("shows a value with its unit and meaning, and lists the zero fields by name", () => {
    const bytes = info(WHOLE, { rtt: 40_000, sndCwnd: 1, deliveryRate: 467_500, busyTime: 5_000_000 });
    const lines = explanationText(socketWith(ESTABLISHED, [[inetAttributes.info.id, bytes]]), style).split(
      "\n",
    );
    expect(lines[0]).toBe("");
    expect(lines).toContain("      rtt            40 ms        smoothed round trip time, RFC 6298");
    expect(lines).toContain("      snd_cwnd       1 segment    congestion window");
    expect(lines).toContain(
      "      delivery_rate  3.74 Mbit/s  most recent rate at which data reached the peer",
    );
    expect(lines).toContain("      busy_time      5 s          time with data to send");
    expect(lines).toContain("      zero or no: rwnd_limited, sndbuf_limited");
  });

  test("leaves out fields that were not sent, and values that mean none", () => {
    const old = explanationText(
      socketWith(ESTABLISHED, [[inetAttributes.info.id, info(104, { rtt: 1 })]]),
      style,
    );
    expect(old).toMatch(/ {6}zero or no: .*total_retrans/);
    expect(old).not.toMatch(/busy_time|delivery_rate\b|snd_wnd|Limits/);
    const unlimited = info(WHOLE, { sndSsthresh: tcpInfo.sndSsthresh.none });
    expect(
      explanationText(socketWith(ESTABLISHED, [[inetAttributes.info.id, unlimited]]), style),
    ).not.toMatch(/snd_ssthresh/);
  });

  test("leaves out the times of a peer that was never heard", () => {
    const bytes = info(WHOLE, { lastDataSent: 14_852_124, lastAckRecv: 14_852_124, rto: 1_000_000 });
    const text = explanationText(socketWith(SYN_SENT, [[inetAttributes.info.id, bytes]]), style);
    expect(text).toMatch(/ {6}rto +1 s /);
    expect(text).not.toMatch(/last_(data|ack_recv)/);
  });

  test("shows only the sentence for a listener, and nothing for other protocols", () => {
    const bytes = info(WHOLE, { rto: 1_000_000 });
    expect(explanationText(socketWith(LISTEN, [[inetAttributes.info.id, bytes]]), style)).toBe(
      "\n    Listening: no connection waits to be accepted (backlog 0).",
    );
    const udp = socketWith(ESTABLISHED, [], IPPROTO_UDP);
    expect([explanationText(udp, style), explanationOf(udp)]).toEqual(["", undefined]);
  });

  test("is on the row's own line with --oneline", () => {
    const bytes = info(WHOLE, {});
    const text = explanationText(socketWith(ESTABLISHED, [[inetAttributes.info.id, bytes]]), {
      screen: 40,
      oneline: true,
    });
    expect(text).toMatch(/^ The application: [^\n]+\.$/);
  });

  test("fits the screen and is printable for any bytes from the kernel", () => {
    const payload = fc.uint8Array({ maxLength: 300 });
    const ids = [inetAttributes.info.id, inetAttributes.congestion.id, inetAttributes.skMemInfo.id];
    fc.assert(
      fc.property(
        fc.nat({ max: 15 }),
        fc.array(fc.tuple(fc.constantFrom(...ids), payload), { maxLength: 4 }),
        fc.integer({ min: 72, max: 200 }),
        (state, attributes, screen) => {
          const named = attributes.filter(([type]) => type !== inetAttributes.congestion.id);
          const text = explanationText(socketWith(state, attributes), { screen, oneline: false });
          expect(text).toMatch(/^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f]*$/);
          expect(text).not.toMatch(/undefined|NaN/);
          const narrow = explanationText(socketWith(state, named), { screen, oneline: false });
          for (const line of narrow.split("\n")) expect(line.length).toBeLessThanOrEqual(screen);
        },
      ),
    );
  });
});
