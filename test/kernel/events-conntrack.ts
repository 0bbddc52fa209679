/** Adds a UDP flow to conntrack's table and deletes it: this needs no firewall rule. */
import { AF_INET, IPPROTO_UDP } from "../../src/model/family.ts";
import { NETLINK_NETFILTER } from "../../src/netlink/constants.ts";
import { errorOf } from "../../src/netlink/dump.ts";
import { liveTransport } from "../../src/netlink/live.ts";
import { encodeMessage } from "../../src/netlink/message.ts";

/** linux/netfilter/nfnetlink_conntrack.h; NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL. */
const IPCTNL_MSG_CT_NEW = 0x100;
const IPCTNL_MSG_CT_DELETE = 0x102;
const REQUEST = 0x1 | 0x4;
const CREATE = 0x600;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_TIMEOUT = 7;

function attribute(type: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const payload = Buffer.concat(parts);
  const whole = Buffer.alloc((4 + payload.length + 3) & ~3);
  whole.writeUInt16LE(4 + payload.length, 0);
  whole.writeUInt16LE(type, 2);
  payload.copy(whole, 4);
  return whole;
}

const NESTED = 0x8000;
const port = (number: number) => Uint8Array.of(number >> 8, number & 0xff);

function tuple(type: number, from: Uint8Array, to: Uint8Array, sport: number, dport: number): Uint8Array {
  return attribute(
    type | NESTED,
    attribute(1 | NESTED, attribute(1, from), attribute(2, to)),
    attribute(
      2 | NESTED,
      attribute(1, Uint8Array.of(IPPROTO_UDP)),
      attribute(2, port(sport)),
      attribute(3, port(dport)),
    ),
  );
}

const here = Uint8Array.of(10, 1, 1, 1);
const there = Uint8Array.of(10, 2, 2, 2);
const socket = liveTransport().open(NETLINK_NETFILTER);

function ask(type: number, flags: number, ...attributes: readonly Uint8Array[]): void {
  const body = Buffer.concat([Uint8Array.of(AF_INET, 0, 0, 0), ...attributes]);
  socket.send(encodeMessage({ type, flags, sequence: 1, portId: 0 }, body));
  const answer = socket.receive((size) => new Uint8Array(size));
  const data = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  const error = errorOf(data, 16, data.byteLength, data.getUint16(6, true));
  if (error !== undefined) throw error;
}

const original = tuple(CTA_TUPLE_ORIG, here, there, 1111, 2222);
const timeout = attribute(CTA_TIMEOUT, Uint8Array.of(0, 0, 0, 60));
ask(IPCTNL_MSG_CT_NEW, REQUEST | CREATE, original, tuple(CTA_TUPLE_REPLY, there, here, 2222, 1111), timeout);
ask(IPCTNL_MSG_CT_DELETE, REQUEST, original);
socket.close();
