import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { writeField } from "../bytes/layout.ts";
import { inetLegacyRequest, inetRequest } from "../families/inet/request.ts";
import { unixDiagRequest } from "../families/unix/layout.ts";
import { NETLINK_ROUTE, NETLINK_SOCK_DIAG, RTM_GETLINK } from "../netlink/constants.ts";
import { encodeDumpRequest } from "../netlink/dump.ts";
import { listLinks } from "../netlink/links.ts";
import { type AttributeToWrite, encodeMessage, u32Payload } from "../netlink/message.ts";
import type { NetlinkSocket, Transport } from "../netlink/transport.ts";
import { REPLAY_PORT, replayTransport } from "./kernel.ts";
import { decodePcap } from "./pcap.ts";
import { readRecording } from "./recording.ts";

const fixtures = new URL("../../test/fixtures/", import.meta.url);

interface Case {
  readonly id: string;
  readonly args: readonly string[];
  readonly exit: number;
  readonly stdout: string | null;
  readonly requests?: readonly string[];
}

function casesOf(fixture: string): Case[] {
  return JSON.parse(readFileSync(new URL(`${fixture}/cases.json`, fixtures), "utf8"));
}

function fixtureTransport(fixture: string): Transport {
  const path = new URL(`${fixture}/recording.pcap`, fixtures);
  return replayTransport(readRecording(decodePcap(readFileSync(path), fixture)));
}

/** A message of an answer. */
interface Message {
  readonly type: number;
  readonly sequence: number;
  readonly portId: number;
  readonly payload: Uint8Array;
}

function receiveAll(socket: NetlinkSocket): Message[] {
  const messages: Message[] = [];
  for (;;) {
    const datagram = socket.receive((size) => new Uint8Array(size));
    if (datagram.length === 0) return messages;
    const data = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
    for (let at = 0; at < datagram.length; at += (data.getUint32(at, true) + 3) & ~3)
      messages.push({
        type: data.getUint16(at + 4, true),
        sequence: data.getUint32(at + 8, true),
        portId: data.getUint32(at + 12, true),
        payload: datagram.subarray(at + 16, at + data.getUint32(at, true)),
      });
  }
}

function ask(transport: Transport, request: Uint8Array, protocol = NETLINK_SOCK_DIAG): Message[] {
  const socket = transport.open(protocol);
  socket.send(request);
  return receiveAll(socket);
}

const SOCK_DIAG = 20;
const DONE = 3;
const ERROR = 2;
const ALL = 0x3fff;

function sockets(messages: readonly Message[]): Message[] {
  return messages.filter(({ type }) => type >= 16);
}

function errnoOf(message: Message | undefined): number | undefined {
  if (message?.type !== ERROR) return undefined;
  return 0 - new DataView(message.payload.buffer, message.payload.byteOffset).getInt32(0, true);
}

const inetDump = (
  protocol: number,
  states: number,
  { family = 2, ext = 0, attributes = [] as readonly AttributeToWrite[] } = {},
) => encodeDumpRequest(SOCK_DIAG, inetRequest(family, protocol, ext, states), attributes);

/** Ids of the attributes of an inet socket. */
function attributeIds({ payload }: Message): number[] {
  const data = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const ids: number[] = [];
  for (let at = 72; at < payload.length; at += (data.getUint16(at, true) + 3) & ~3)
    ids.push(data.getUint16(at + 2, true) & 0x3fff);
  return ids;
}

describe("every request of the corpus", () => {
  const isCorpus = (name: string) => existsSync(new URL(`${name}/cases.json`, fixtures));
  for (const fixture of readdirSync(fixtures).filter(isCorpus)) {
    const requests = new Set(casesOf(fixture).flatMap(({ requests }) => requests ?? []));
    if (requests.size === 0) continue;
    test(fixture, () => {
      const transport = fixtureTransport(fixture);
      for (const hex of requests) {
        const request = Buffer.from(hex, "hex");
        const messages = ask(transport, request);
        expect([DONE, ERROR]).toContain(messages.at(-1)!.type);
        for (const { portId, sequence } of messages) {
          expect(portId).toBe(REPLAY_PORT);
          expect(sequence).toBe(request.readUInt32LE(8));
        }
      }
    });
  }
});

describe("sends as many sockets as ss shows rows", () => {
  // Cases whose filters the kernel runs alone, so that ss leaves none of its answers out.
  for (const fixture of ["tcp-states", "dccp", "udp", "raw", "sctp", "mptcp", "dump-interrupted"])
    test(fixture, () => {
      let compared = 0;
      for (const { id, args, exit, stdout, requests } of casesOf(fixture)) {
        if (exit !== 0 || stdout === null || requests === undefined || args.join().includes("H")) continue;
        const transport = fixtureTransport(fixture);
        const shown = stdout.split("\n").filter((line) => /^(\S| +`-)/.test(line)).length - 1;
        const sent = requests.reduce(
          (sum, hex) => sum + sockets(ask(transport, Buffer.from(hex, "hex"))).length,
          0,
        );
        expect({ id, sent }).toEqual({ id, sent: shown });
        compared++;
      }
      expect(compared).toBeGreaterThan(1);
    });
});

describe("replayTransport", () => {
  test("a state is listed if the mask has its bit, and CLOSE of TCP only as bound-inactive", () => {
    const transport = fixtureTransport("tcp-states");
    const count = (states: number) => sockets(ask(transport, inetDump(6, states))).length;
    expect(count(0)).toBe(0);
    const states = (mask: number) =>
      sockets(ask(transport, inetDump(6, mask))).map(({ payload }) => payload[1]);
    expect(new Set(states(1 << 10))).toEqual(new Set([10]));
    expect(states(1 << 7)).toEqual([]);
    expect(states(1 << 13)).toEqual([7]);
    expect(count(ALL)).toBeGreaterThan(count(ALL & ~(1 << 10)));
  });

  test("sends only the requested attributes", () => {
    const transport = fixtureTransport("tcp-info-values");
    const ids = (ext: number) =>
      new Set(sockets(ask(transport, inetDump(6, ALL, { ext }))).flatMap(attributeIds));
    expect(ids(0).has(2)).toBe(false);
    expect(ids(1 << 1).has(2)).toBe(true);
    expect(ids(1 << 1).has(4)).toBe(false);
    expect([...ids(1 << 1)].filter((id) => !ids(0x7f).has(id))).toEqual([]);
  });

  test("udiag_show selects unix attributes", () => {
    const transport = fixtureTransport("unix");
    const names = (show: number): boolean => {
      const payload = new Uint8Array(24);
      const data = new DataView(payload.buffer);
      writeField(unixDiagRequest.family, data, 0, 1);
      writeField(unixDiagRequest.states, data, 0, ALL);
      writeField(unixDiagRequest.show, data, 0, show);
      const messages = sockets(ask(transport, encodeDumpRequest(SOCK_DIAG, payload)));
      expect(messages.length).toBeGreaterThan(0);
      return messages.some(({ payload }) => payload.length > 20 && payload[16 + 2] === 0);
    };
    expect(names(0)).toBe(false);
    expect(names(1)).toBe(true);
  });

  test("runs bytecode, ignores it if it has AUTO, and refuses malformed bytecode with EINVAL", () => {
    const transport = fixtureTransport("filters");
    const run = (...bytes: number[]) =>
      ask(transport, inetDump(6, ALL, { attributes: [{ type: 1, payload: Uint8Array.from(bytes) }] }));
    const all = sockets(ask(transport, inetDump(6, ALL))).length;
    const ssh = sockets(run(11, 8, 12, 0, 0, 0, 22, 0));
    expect(ssh.length).toBeGreaterThan(0);
    expect(ssh.length).toBeLessThan(all);
    for (const { payload } of ssh) expect(payload[5]).toBe(22);
    expect(sockets(run(6, 4, 8, 0)).length).toBe(all);
    expect(errnoOf(run(99, 4, 8, 0)[0])).toBe(22);
  });

  test("MPTCP is requested by an attribute, and is not TCP", () => {
    const transport = fixtureTransport("mptcp");
    const tcp = ask(transport, inetDump(6, ALL));
    const mptcp = ask(transport, inetDump(6, ALL, { attributes: [{ type: 3, payload: u32Payload(262) }] }));
    expect(sockets(mptcp).length).toBeGreaterThan(sockets(tcp).length);
  });

  test("legacy requests are answered by their type", () => {
    const transport = fixtureTransport("legacy-kernel");
    const legacy = (type: number) => ask(transport, encodeDumpRequest(type, inetLegacyRequest(2, 0, ALL)));
    expect(sockets(legacy(18)).length).toBe(4);
    expect(sockets(legacy(19)).length).toBe(1);
    expect(errnoOf(ask(transport, inetDump(6, ALL))[0])).toBe(2);
  });

  test("SOCK_DESTROY is answered by the socket's id", () => {
    const transport = fixtureTransport("kill");
    const errnos = casesOf("kill")
      .flatMap(({ requests }) => requests ?? [])
      .filter((hex) => hex.startsWith("15", 8))
      .map((hex) => errnoOf(ask(transport, Buffer.from(hex, "hex"))[0]));
    expect(new Set(errnos)).toEqual(new Set([0, 2, 95, 1]));
    const unknown = encodeMessage({ type: 21, flags: 5, sequence: 9, portId: 0 }, inetRequest(2, 6, 0, 0));
    expect(errnoOf(ask(transport, unknown)[0])).toBe(2);
  });

  test("a recorded refusal ends the answer without NLMSG_DONE", () => {
    const messages = ask(fixtureTransport("refusals"), inetDump(17, ALL));
    expect(messages.map(({ type }) => type)).toEqual([ERROR]);
    expect(errnoOf(messages[0])).toBe(1);
  });

  test("nothing recorded: every dump is ENOENT", () => {
    const transport = replayTransport(new Map());
    expect(errnoOf(ask(transport, inetDump(6, ALL))[0])).toBe(2);
    expect(
      errnoOf(ask(transport, encodeDumpRequest(RTM_GETLINK, new Uint8Array(16)), NETLINK_ROUTE)[0]),
    ).toBe(2);
  });

  test("a request shorter than its struct is EINVAL, bytes that are not a request have no answer", () => {
    const transport = fixtureTransport("udp");
    expect(errnoOf(ask(transport, encodeDumpRequest(SOCK_DIAG, Uint8Array.of(2, 17, 0, 0)))[0])).toBe(22);
    expect(ask(transport, new Uint8Array(5))).toEqual([]);
  });

  test("multicasts reach the groups that were joined, then the stream is over", () => {
    const transport = fixtureTransport("events");
    const heard = (groups: number) => receiveAll(transport.open(NETLINK_SOCK_DIAG, groups)).length;
    expect([0, 1, 2, 4, 8, 15].map(heard)).toEqual([0, 2, 1, 1, 1, 5]);
  });

  test("a request that was recorded twice is answered in turn", () => {
    const request = inetDump(17, ALL);
    const packet = (datagram: Uint8Array) => ({ protocol: NETLINK_SOCK_DIAG, datagram });
    const answer = (inode: number) => {
      const payload = new Uint8Array(72);
      payload.set([2, 1]);
      payload[68] = inode;
      return packet(encodeMessage({ type: SOCK_DIAG, flags: 2, sequence: 1, portId: 99 }, payload));
    };
    const transport = replayTransport(
      readRecording([packet(request), answer(1), packet(request), answer(2)]),
    );
    const inodes = [1, 2, 3].map(() => ask(transport, request)[0]!.payload[68]);
    expect(inodes).toEqual([1, 2, 2]);
  });

  test("bytes behind a malformed message are passed on as recorded", () => {
    const good = encodeMessage({ type: SOCK_DIAG, flags: 2, sequence: 1, portId: 9 }, new Uint8Array(72));
    const bad = Uint8Array.of(255, 255, 0, 0, 20, 0, 2, 0, 1, 0, 0, 0, 9, 0, 0, 0, 77);
    const request = inetDump(17, ALL);
    const recording = readRecording(
      [request, Buffer.concat([good, bad])].map((datagram) => ({ protocol: NETLINK_SOCK_DIAG, datagram })),
    );
    const socket = replayTransport(recording).open(NETLINK_SOCK_DIAG);
    socket.send(request);
    const datagram = socket.receive((size) => new Uint8Array(size));
    expect(datagram.subarray(-bad.length)).toEqual(bad);
    expect(datagram.length).toBe(good.length + bad.length);
  });
});

describe("interfaces", () => {
  const getLink = (index: number, attributes: readonly AttributeToWrite[] = [], flags = 1) => {
    const payload = new Uint8Array(16);
    new DataView(payload.buffer).setInt32(4, index, true);
    return encodeMessage({ type: RTM_GETLINK, flags, sequence: 7, portId: 0 }, payload, attributes);
  };
  const name = (type: number, text: string) => ({ type, payload: new TextEncoder().encode(`${text}\0`) });

  test("a dump lists the interfaces of the recording", () => {
    const links = listLinks(fixtureTransport("tcp-meta"));
    expect(links.map(({ name }) => new TextDecoder().decode(name))).toContain("eth0.100");
  });

  test("finds an interface by index, name or alternative name; others are ENODEV", () => {
    const transport = fixtureTransport("tcp-meta");
    const links = listLinks(transport);
    const one = (request: Uint8Array) => ask(transport, request, NETLINK_ROUTE);
    const indexIn = ([message]: Message[]) =>
      new DataView(message!.payload.buffer, message!.payload.byteOffset).getInt32(4, true);
    const eth = links.find(({ name }) => new TextDecoder().decode(name) === "eth0.100")!;
    expect(one(getLink(eth.index)).map(({ type }) => type)).toEqual([16]);
    expect(indexIn(one(getLink(eth.index)))).toBe(eth.index);
    expect(indexIn(one(getLink(0, [name(3, "eth0.100")])))).toBe(eth.index);
    const renamed = links.find(({ alternativeNames }) => alternativeNames.length > 0)!;
    const alternative = new TextDecoder().decode(renamed.alternativeNames[0]);
    expect(indexIn(one(getLink(0, [name(53, alternative)])))).toBe(renamed.index);
    expect(errnoOf(one(getLink(4711))[0])).toBe(19);
    expect(errnoOf(one(getLink(0, [name(3, "nosuch0")]))[0])).toBe(19);
    expect(errnoOf(one(getLink(eth.index, [], 5))[1])).toBe(0);
  });
});
