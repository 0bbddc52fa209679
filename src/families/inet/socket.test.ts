import { describe, expect, test } from "bun:test";
import { AF_INET, IPPROTO_MPTCP, IPPROTO_SCTP, IPPROTO_TCP } from "../../model/family.ts";
import { NLMSG_HDRLEN, SOCK_DIAG_BY_FAMILY } from "../../netlink/constants.ts";
import { type AttributeToWrite, encodeMessage, u32Payload } from "../../netlink/message.ts";
import { INET_DIAG_MESSAGE_SIZE, inetAttributes, inetDiagMessage } from "./layouts/inet-diag.ts";
import { bpfStorageRequest } from "./request.ts";
import { InetSocket } from "./socket.ts";

function encode(payload: Uint8Array, attributes: readonly AttributeToWrite[]): Uint8Array {
  const header = { type: SOCK_DIAG_BY_FAMILY, flags: 0, sequence: 0, portId: 0 };
  return encodeMessage(header, payload, attributes).subarray(NLMSG_HDRLEN);
}

function nest(attributes: readonly AttributeToWrite[]): Uint8Array {
  return encode(new Uint8Array(0), attributes);
}

function socket(protocol: number, attributes: readonly AttributeToWrite[], timer = 0): InetSocket {
  const fixed = new Uint8Array(INET_DIAG_MESSAGE_SIZE);
  fixed[inetDiagMessage.familyNumber.offset] = AF_INET;
  fixed[inetDiagMessage.timerNumber.offset] = timer;
  const bytes = Uint8Array.from(encode(fixed, attributes));
  const data = new DataView(bytes.buffer);
  return new InetSocket(data, 0, bytes.length, { protocol, describe: () => ({}) });
}

const { info, peers, locals, md5Signatures, ulpInfo, bpfStorages } = inetAttributes;

describe("InetSocket", () => {
  test("INET_DIAG_INFO is a struct of the socket's protocol", () => {
    const attribute = { type: info.id, payload: new Uint8Array(368).fill(1) };
    const kinds = ({ tcpInfo, mptcpInfo, sctpInfo }: InetSocket) =>
      [tcpInfo, mptcpInfo, sctpInfo].map((view) => view !== undefined);
    expect(kinds(socket(IPPROTO_TCP, [attribute]))).toEqual([true, false, false]);
    expect(kinds(socket(IPPROTO_MPTCP, [attribute]))).toEqual([false, true, false]);
    expect(kinds(socket(IPPROTO_SCTP, [attribute]))).toEqual([false, false, true]);
  });

  test("a timer of SCTP has its own name", () => {
    expect(socket(IPPROTO_TCP, [], 3).timer?.name).toBe("timewait");
    expect(socket(IPPROTO_SCTP, [], 3).timer?.name).toBe("t3-rtx");
    expect(socket(IPPROTO_TCP, [], 9).timer?.name).toBe("unknown(9)");
  });

  test("an SCTP row with addresses of the peer is an association", () => {
    const addresses = new Uint8Array(128);
    expect(socket(IPPROTO_SCTP, [{ type: locals.id, payload: addresses }]).association).toBe(false);
    expect(socket(IPPROTO_SCTP, [{ type: peers.id, payload: addresses }]).association).toBe(true);
    expect(socket(IPPROTO_TCP, [{ type: peers.id, payload: addresses }]).association).toBeUndefined();
  });

  test("an array has only complete structs", () => {
    const payload = new Uint8Array(250);
    payload[2] = 200;
    payload[102] = 3;
    const keys = socket(IPPROTO_TCP, [{ type: md5Signatures.id, payload }]).md5Signatures;
    expect(keys?.map(({ key }) => key.length)).toEqual([80, 3]);
  });

  test("nested attributes are found with and without NLA_F_NESTED", () => {
    for (const flag of [0, 0x8000]) {
      const tls = nest([
        { type: 1, payload: Uint8Array.of(4, 3) },
        { type: 2, payload: Uint8Array.of(51) },
        { type: 5, payload: new Uint8Array(0) },
      ]);
      const payload = nest([
        { type: 1, payload: Uint8Array.from(Buffer.from("tls\0rest")) },
        { type: 2 | flag, payload: tls },
      ]);
      const ulp = socket(IPPROTO_TCP, [{ type: ulpInfo.id | flag, payload }]).ulpInfo;
      expect(Buffer.from(ulp?.name ?? []).toString()).toBe("tls");
      expect(ulp?.tls?.version).toBe(0x304);
      // One byte is too short for a cipher.
      expect(ulp?.tls?.cipher).toBeUndefined();
      expect([ulp?.tls?.zcRoTx, ulp?.tls?.rxNoPad]).toEqual([1, undefined]);
      expect(ulp?.mptcp).toBeUndefined();
    }
  });

  test("every BPF storage is listed", () => {
    const storage = (id: number, ...value: number[]) => ({
      type: 1,
      payload: nest([
        { type: 2, payload: u32Payload(id) },
        { type: 3, payload: Uint8Array.from(value) },
      ]),
    });
    const payload = nest([storage(7, 1, 2), { type: 9, payload: new Uint8Array(4) }, storage(8)]);
    const found = socket(IPPROTO_TCP, [{ type: bpfStorages.id, payload }]).bpfStorages;
    expect([...(found ?? [])].map(({ mapId, value }) => [mapId, [...(value ?? [])]])).toEqual([
      [7, [1, 2]],
      [8, []],
    ]);
  });
});

test("BPF storages are requested by map descriptors, or all at once", () => {
  const attribute = { type: 0x8002, payload: new Uint8Array(0) };
  expect(bpfStorageRequest([])).toEqual([attribute]);
  const payload = Uint8Array.from([8, 0, 1, 0, 5, 0, 0, 0, 8, 0, 1, 0, 6, 1, 0, 0]);
  expect(bpfStorageRequest([5, 262])).toEqual([{ ...attribute, payload }]);
  expect(bpfStorageRequest(undefined)).toEqual([]);
});
