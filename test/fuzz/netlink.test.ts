/** Whatever answers a dump, it is messages within their datagrams or a typed error, and the dump ends. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_NEWLINK,
  SOCK_DIAG_BY_FAMILY,
} from "../../src/netlink/constants.ts";
import { dump } from "../../src/netlink/dump.ts";
import { DecodeError, NetlinkError } from "../../src/netlink/errors.ts";
import { IFINFOMSG_SIZE, listLinks } from "../../src/netlink/links.ts";
import { align4 } from "../../src/netlink/message.ts";
import { datagramsOf, dumpEnd, encodeAnswer, playing } from "./conversation.ts";

const numRuns = Number(process.env["FUZZ_RUNS"] ?? 1000);

const allocate = (size: number) => new Uint8Array(size);

/** Does something with an answer; that it is none is an answer, too. */
function attempt(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof NetlinkError || error instanceof DecodeError)) throw error;
    expect(error.message).not.toBeEmpty();
  }
}

const payload = fc.uint8Array({ maxLength: 80 });

/** Messages as a kernel sends them, some with their headers changed. */
const messages = fc.array(
  fc
    .record({
      payload,
      type: fc.oneof(
        fc.constantFrom(SOCK_DIAG_BY_FAMILY, RTM_NEWLINK, NLMSG_ERROR, NLMSG_DONE),
        fc.nat(0xffff),
      ),
      flags: fc.option(
        fc.constantFrom(NLM_F_DUMP_INTR, NLM_F_CAPPED, NLM_F_ACK_TLVS, NLM_F_CAPPED | NLM_F_ACK_TLVS),
      ),
      change: fc.option(fc.record({ at: fc.nat(15), byte: fc.nat(255) })),
      split: fc.boolean(),
    })
    .map(({ payload, type, flags, change, split }) => {
      const message = encodeAnswer(payload, type);
      if (flags !== null) new DataView(message.buffer).setUint16(6, flags, true);
      if (change !== null) message[change.at] = change.byte;
      return { message, split };
    }),
  { maxLength: 8 },
);

test("any datagrams end a dump or throw an error", () => {
  const datagrams = fc.oneof(fc.array(payload, { maxLength: 6 }), messages.map(datagramsOf));
  fc.assert(
    fc.property(datagrams, (datagrams) => {
      const socket = playing(datagrams);
      attempt(() => {
        for (const { data, count, offsets, lengths } of dump(socket, new Uint8Array(0), allocate))
          for (let index = 0; index < count; index++)
            expect(offsets[index]! + lengths[index]!).toBeLessThanOrEqual(data.byteLength);
      });
      expect(socket.received).toBeLessThanOrEqual(datagrams.length + 1);
    }),
    { numRuns },
  );
});

test("an error whose quoted request is truncated has no message text", () => {
  // Found by the property above: error 1, of a request of 2^31 bytes, with words.
  const message = encodeAnswer(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0x80), NLMSG_ERROR);
  new DataView(message.buffer).setUint16(6, NLM_F_ACK_TLVS, true);
  const answers = dump(playing([message]), new Uint8Array(0), allocate);
  expect(() => answers.next()).toThrow(new NetlinkError("answer", 1));
});

const IFLA_IFNAME = 3;
const IFLA_PROP_LIST = 52;
const IFLA_ALT_IFNAME = 53;

function attribute(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(align4(4 + payload.length));
  const data = new DataView(bytes.buffer);
  data.setUint16(0, 4 + payload.length, true);
  data.setUint16(2, type, true);
  bytes.set(payload, 4);
  return bytes;
}

/** The links in a message. */
function linksOf(attributes: Uint8Array) {
  const message = encodeAnswer(Buffer.concat([new Uint8Array(IFINFOMSG_SIZE), attributes]), RTM_NEWLINK);
  return listLinks({ open: () => playing([message, dumpEnd]) });
}

test("any attributes decode to an interface", () => {
  const { attributes } = fc.letrec<{ attributes: Uint8Array }>((tie) => ({
    attributes: fc
      .array(
        fc
          .tuple(
            fc.oneof(fc.constantFrom(IFLA_IFNAME, IFLA_PROP_LIST, IFLA_ALT_IFNAME), fc.nat(0xffff)),
            fc.oneof({ depthSize: "small" }, payload, tie("attributes")),
          )
          .map(([type, payload]) => attribute(type, payload)),
        { maxLength: 5 },
      )
      .map((list) => new Uint8Array(Buffer.concat(list))),
  }));
  fc.assert(
    fc.property(fc.oneof(attributes, payload), (attributes) => {
      const [link] = linksOf(attributes);
      for (const name of [link!.name, ...link!.alternativeNames]) expect(name.includes(0)).toBe(false);
    }),
    { numRuns },
  );
});

test("attributes nested as deep as a message allows do not exhaust the stack", () => {
  const depth = 16_000;
  const bytes = new Uint8Array(depth * 4);
  const data = new DataView(bytes.buffer);
  for (let level = 0; level < depth; level++) {
    data.setUint16(level * 4, bytes.length - level * 4, true);
    data.setUint16(level * 4 + 2, IFLA_PROP_LIST, true);
  }
  expect(linksOf(bytes)).toHaveLength(1);
});
