/** Sockets of the inet tables: TCP, UDP, RAW, DCCP, SCTP, MPTCP. linux/inet_diag.h. */
import { wholeView, writeField } from "../../bytes/layout.ts";
import { InetMemInfo, SkMemInfo } from "../../diag/memory.ts";
import { DiagMessage } from "../../diag/message.ts";
import { addressText } from "../../model/address.ts";
import { AF_INET6, IPPROTO_MPTCP, IPPROTO_SCTP } from "../../model/family.ts";
import { type StateName, stateName } from "../../model/state.ts";
import { NLA_F_NESTED } from "../../netlink/constants.ts";
import { type AttributeToWrite, encodeAttributes, u32Payload } from "../../netlink/message.ts";
import { BpfStorages, SK_DIAG_BPF_STORAGE_REQ_MAP_FD } from "./layouts/bpf-storage.ts";
import { BbrInfo, DctcpInfo, VegasInfo } from "./layouts/congestion.ts";
import {
  INET_DIAG_LEGACY_REQUEST_SIZE,
  INET_DIAG_MESSAGE_SIZE,
  INET_DIAG_REQ_SK_BPF_STORAGES,
  INET_DIAG_REQUEST_SIZE,
  inetAttributes,
  inetDiagLegacyRequest,
  inetDiagMessage,
  inetDiagRequest,
} from "./layouts/inet-diag.ts";
import { MD5_SIGNATURE_SIZE, Md5Signature } from "./layouts/md5.ts";
import { MptcpInfo } from "./layouts/mptcp-info.ts";
import {
  SctpInfo,
  type SctpStateName,
  SOCKET_ADDRESS_SIZE,
  SocketAddress,
  sctpStateName,
} from "./layouts/sctp-info.ts";
import { InetSockopt } from "./layouts/sockopt.ts";
import { TcpInfo } from "./layouts/tcp-info.ts";
import { UlpInfo } from "./layouts/ulp.ts";
import type { ProcInetDetails } from "./proc-details.ts";

/** Bytes of an address field, whatever the family. */
const ADDRESS_SIZE = 16;

/**
 * The payload of a dump request.
 *
 * @param family AF_INET or AF_INET6
 * @param protocol IP protocol; one above 255 goes in an attribute of its own, and its low byte here
 * @param ext bits of INET_DIAG_EXT
 * @param states mask of states
 */
export function inetRequest(family: number, protocol: number, ext: number, states: number): Uint8Array {
  const bytes = new Uint8Array(INET_DIAG_REQUEST_SIZE);
  const data = new DataView(bytes.buffer);
  writeField(inetDiagRequest.family, data, 0, family);
  writeField(inetDiagRequest.protocol, data, 0, protocol & 0xff);
  writeField(inetDiagRequest.ext, data, 0, ext);
  writeField(inetDiagRequest.states, data, 0, states);
  return bytes;
}

/** The payload of a dump request as kernels before 3.3 took it; the protocol is in the message's type. */
export function inetLegacyRequest(family: number, ext: number, states: number): Uint8Array {
  const bytes = new Uint8Array(INET_DIAG_LEGACY_REQUEST_SIZE);
  const data = new DataView(bytes.buffer);
  writeField(inetDiagLegacyRequest.family, data, 0, family);
  writeField(inetDiagLegacyRequest.ext, data, 0, ext);
  writeField(inetDiagLegacyRequest.states, data, 0, states);
  return bytes;
}

/**
 * The attribute of a dump request that asks for BPF storages; it needs CAP_BPF.
 *
 * @param mapFds descriptors of the maps whose values are wanted, all maps if it is empty; undefined for no values
 */
export function bpfStorageRequest(mapFds: readonly number[] | undefined): AttributeToWrite[] {
  if (mapFds === undefined) return [];
  const maps = mapFds.map((fd) => ({ type: SK_DIAG_BPF_STORAGE_REQ_MAP_FD, payload: u32Payload(fd) }));
  return [{ type: INET_DIAG_REQ_SK_BPF_STORAGES | NLA_F_NESTED, payload: encodeAttributes(maps) }];
}

/** The names of `idiag_timer`. */
const kernelTimerNames = ["off", "on", "keepalive", "timewait", "persist", "delack"] as const;

/** The timer of SCTP that is told of, RFC 9260 6.3: an association has numbers of its own. */
const SCTP_TIMER_NAME = "t3-rtx";

/** The names of all timers. */
export const timerNames = [...kernelTimerNames, SCTP_TIMER_NAME] as const;

/** Which timer of a connection runs; a number that no kernel is known to send says so. */
export type TimerName = (typeof timerNames)[number] | `unknown(${number})`;

/** A running timer of a connection. */
export interface Timer {
  /** Which one: `on` is the retransmission timer, `t3-rtx` that of SCTP. */
  readonly name: TimerName;
  /** Milliseconds until it fires. */
  readonly expiresMs: number;
  /** Retransmissions or probes sent so far. */
  readonly retransmits: number;
}

/** Which directions of a socket are shut. */
export interface Shutdown {
  /** Nothing more is received. */
  readonly receive: boolean;
  /** Nothing more is sent. */
  readonly send: boolean;
}

/** The two bits of a SHUTDOWN attribute in words. */
export function shutdownOf(bits: number): Shutdown {
  return { receive: (bits & 1) !== 0, send: (bits & 2) !== 0 };
}

const decoder = new TextDecoder();

/** A socket of an inet table. Each getter decodes when it is read; what the kernel did not send is undefined. */
export class InetSocket extends wholeView(inetDiagMessage, DiagMessage) {
  /** Tells it from sockets of other kinds. */
  readonly kind = "inet";
  /** Of a socket that was read in /proc: what that tells beside. */
  declare readonly procfs?: ProcInetDetails;

  protected override get headerSize(): number {
    return INET_DIAG_MESSAGE_SIZE;
  }

  /** `inet` or `inet6`. */
  get family(): "inet" | "inet6" {
    return this.familyNumber === AF_INET6 ? "inet6" : "inet";
  }

  /** Local address, as text. */
  get src(): string {
    return addressText(this.data, this.sourceOffset, this.familyNumber);
  }

  /** The peer's address, as text; all zeros without a peer. */
  get dst(): string {
    return addressText(this.data, this.destinationOffset, this.familyNumber);
  }

  /** The state, by the name that ss gives it; that of an SCTP association is one of SCTP's own. */
  get state(): StateName | SctpStateName {
    const { association, stateNumber } = this;
    return association ? sctpStateName(stateNumber) : stateName(stateNumber);
  }

  /** IP protocol: the table's, unless the kernel sent one (it does for raw sockets). */
  get protocol(): number {
    return this.u8(inetAttributes.protocol.id) ?? this.origin.protocol;
  }

  /** Offset of the local address in `data`. */
  get sourceOffset(): number {
    return this.offset + inetDiagMessage.source.offset;
  }

  /** Offset of the peer's address in `data`. */
  get destinationOffset(): number {
    return this.offset + inetDiagMessage.destination.offset;
  }

  /** Offset of the cookie in `data`. */
  get cookieOffset(): number {
    return this.offset + inetDiagMessage.cookie.offset;
  }

  /** Bytes of each address: 4 or 16. */
  get addressLength(): number {
    return this.familyNumber === AF_INET6 ? ADDRESS_SIZE : 4;
  }

  /** The running timer, if one runs. */
  get timer(): Timer | undefined {
    const number = this.timerNumber;
    if (number === 0) return undefined;
    const sctp = this.protocol === IPPROTO_SCTP;
    return {
      name: sctp ? SCTP_TIMER_NAME : (kernelTimerNames[number] ?? `unknown(${number})`),
      expiresMs: this.expires,
      retransmits: this.retransmits,
    };
  }

  /** Shut directions as the kernel's bits: 0 receive, 1 send. */
  get shutdownBits(): number | undefined {
    return this.u8(inetAttributes.shutdown.id);
  }

  /** Shut directions. */
  get shutdown(): Shutdown | undefined {
    const bits = this.shutdownBits;
    return bits === undefined ? undefined : shutdownOf(bits);
  }

  /** SO_MARK; only with CAP_NET_ADMIN. */
  get mark(): number | undefined {
    return this.u32(inetAttributes.mark.id);
  }

  /** IP_TOS. Option `--tos`. */
  get tos(): number | undefined {
    return this.u8(inetAttributes.tos.id);
  }

  /** IPV6_TCLASS. Option `--tos`. */
  get tclass(): number | undefined {
    return this.u8(inetAttributes.tclass.id);
  }

  /** net_cls class id. Option `--tos`. */
  get classId(): number | undefined {
    return this.u32(inetAttributes.classId.id);
  }

  /** IPV6_V6ONLY as the kernel's number. */
  get v6onlyNumber(): number | undefined {
    return this.u8(inetAttributes.skV6Only.id);
  }

  /** IPV6_V6ONLY. */
  get v6only(): boolean | undefined {
    const value = this.v6onlyNumber;
    return value === undefined ? undefined : value !== 0;
  }

  /** Id of the cgroup v2 that the socket was made in. */
  get cgroupId(): bigint | undefined {
    const payload = this.attribute(inetAttributes.cgroupId.id);
    return payload === 0 || this.attributeLength(payload) < 8
      ? undefined
      : this.data.getBigUint64(payload, true);
  }

  /** Flags set by setsockopt. */
  get sockopt(): InetSockopt | undefined {
    return this.struct(inetAttributes.sockopt.id, InetSockopt);
  }

  /** Memory that the socket holds. Option `-m`. */
  get memory(): SkMemInfo | undefined {
    return this.struct(inetAttributes.skMemInfo.id, SkMemInfo);
  }

  /** Memory as kernels before SK_MEMINFO tell it. Option `-m`. */
  get legacyMemory(): InetMemInfo | undefined {
    return this.struct(inetAttributes.memInfo.id, InetMemInfo);
  }

  /** struct tcp_info, of a socket that is neither MPTCP nor SCTP. Option `-i`. */
  get tcpInfo(): TcpInfo | undefined {
    const { protocol } = this;
    if (protocol === IPPROTO_MPTCP || protocol === IPPROTO_SCTP) return undefined;
    return this.struct(inetAttributes.info.id, TcpInfo);
  }

  /** struct mptcp_info, of an MPTCP connection. Option `-i`. */
  get mptcpInfo(): MptcpInfo | undefined {
    return this.protocol === IPPROTO_MPTCP ? this.struct(inetAttributes.info.id, MptcpInfo) : undefined;
  }

  /** struct sctp_info, of an SCTP endpoint or association. Option `-i`. */
  get sctpInfo(): SctpInfo | undefined {
    return this.protocol === IPPROTO_SCTP ? this.struct(inetAttributes.info.id, SctpInfo) : undefined;
  }

  /** Whether this is an association, not an endpoint, of SCTP: only of these the kernel tells the peer's addresses. */
  get association(): boolean | undefined {
    return this.protocol === IPPROTO_SCTP ? this.attribute(inetAttributes.peers.id) !== 0 : undefined;
  }

  /** All local addresses of an SCTP endpoint or association. */
  get locals(): readonly SocketAddress[] | undefined {
    return this.#structs(inetAttributes.locals.id, SOCKET_ADDRESS_SIZE, SocketAddress);
  }

  /** All addresses of an SCTP association's peer. */
  get peers(): readonly SocketAddress[] | undefined {
    return this.#structs(inetAttributes.peers.id, SOCKET_ADDRESS_SIZE, SocketAddress);
  }

  /** Keys of TCP's MD5 signatures; only with CAP_NET_ADMIN. Option `-i`. */
  get md5Signatures(): readonly Md5Signature[] | undefined {
    return this.#structs(inetAttributes.md5Signatures.id, MD5_SIGNATURE_SIZE, Md5Signature);
  }

  /** What the protocol on top of a TCP connection tells: kernel TLS, MPTCP, … Option `-i`. */
  get ulpInfo(): UlpInfo | undefined {
    return this.struct(inetAttributes.ulpInfo.id, UlpInfo);
  }

  /** What BPF programs have stored with the socket. Option `--bpf-maps`. */
  get bpfStorages(): BpfStorages | undefined {
    return this.struct(inetAttributes.bpfStorages.id, BpfStorages);
  }

  /** The whole structs of an attribute that is an array of them. */
  #structs<V>(
    type: number,
    size: number,
    View: new (data: DataView, offset: number, length: number) => V,
  ): V[] | undefined {
    const payload = this.attribute(type);
    if (payload === 0) return undefined;
    const count = Math.floor(this.attributeLength(payload) / size);
    return Array.from({ length: count }, (_, index) => new View(this.data, payload + index * size, size));
  }

  /** Name of the congestion control. Option `-i`. */
  get congestion(): string | undefined {
    const bytes = this.attributeBytes(inetAttributes.congestion.id);
    if (bytes === undefined) return undefined;
    const end = bytes.indexOf(0);
    return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  /** What TCP Vegas tells. Option `-i`. */
  get vegasInfo(): VegasInfo | undefined {
    return this.struct(inetAttributes.vegasInfo.id, VegasInfo);
  }

  /** What DCTCP tells. Option `-i`. */
  get dctcpInfo(): DctcpInfo | undefined {
    return this.struct(inetAttributes.dctcpInfo.id, DctcpInfo);
  }

  /** What BBR tells. Option `-i`. */
  get bbrInfo(): BbrInfo | undefined {
    return this.struct(inetAttributes.bbrInfo.id, BbrInfo);
  }
}
