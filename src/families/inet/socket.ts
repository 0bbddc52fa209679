/** Sockets of the inet tables: TCP, UDP, RAW, DCCP, SCTP, MPTCP. linux/inet_diag.h. */
import { wholeView } from "../../bytes/layout.ts";
import { InetMemInfo, SkMemInfo } from "../../diag/memory.ts";
import { DiagMessage } from "../../diag/message.ts";
import { addressText } from "../../model/address.ts";
import { AF_INET6, IPPROTO_MPTCP, IPPROTO_SCTP } from "../../model/family.ts";
import { type StateName, stateName } from "../../model/state.ts";
import { BpfStorages } from "./layouts/bpf-storage.ts";
import { BbrInfo, DctcpInfo, VegasInfo } from "./layouts/congestion.ts";
import { INET_DIAG_MESSAGE_SIZE, inetAttributes, inetDiagMessage } from "./layouts/inet-diag.ts";
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
import { SCTP_TIMER_NAME, type TimerName, timerName } from "./timer-names.ts";

/** Bytes of an address field, for IPv4 too. */
const ADDRESS_SIZE = 16;

/** A running timer of a connection. */
export interface Timer {
  /** Its name: `on` is TCP's retransmission timer, `t3-rtx` is SCTP's. */
  readonly name: TimerName;
  /** Milliseconds until it fires. */
  readonly expiresMs: number;
  /** Retransmissions or probes sent so far. */
  readonly retransmits: number;
}

/** The directions of a socket that are shut down. shutdown(2). */
export interface Shutdown {
  /** The socket receives no more data. */
  readonly receive: boolean;
  /** The socket sends no more data. */
  readonly send: boolean;
}

/** Decodes the two bits of a SHUTDOWN attribute. */
export function shutdownOf(bits: number): Shutdown {
  return { receive: (bits & 1) !== 0, send: (bits & 2) !== 0 };
}

const decoder = new TextDecoder();

/** A socket of an inet table. A getter decodes its field on each read, and returns undefined if it was not sent. */
export class InetSocket extends wholeView(inetDiagMessage, DiagMessage) {
  /** Distinguishes it from sockets of other kinds. */
  readonly kind = "inet";
  /** Further fields of a socket that was read from /proc; undefined for a socket from netlink. */
  declare readonly procfs?: ProcInetDetails;

  protected override get headerSize(): number {
    return INET_DIAG_MESSAGE_SIZE;
  }

  /** Address family. */
  get family(): "inet" | "inet6" {
    return this.familyNumber === AF_INET6 ? "inet6" : "inet";
  }

  /** Local address, as text. */
  get src(): string {
    return addressText(this.data, this.sourceOffset, this.familyNumber);
  }

  /** The peer's address, as text; all zeros if there is no peer. */
  get dst(): string {
    return addressText(this.data, this.destinationOffset, this.familyNumber);
  }

  /** The state, by ss's name. An SCTP association has one of SCTP's own states. */
  get state(): StateName | SctpStateName {
    const { association, stateNumber } = this;
    return association ? sctpStateName(stateNumber) : stateName(stateNumber);
  }

  /** IP protocol. The kernel sends it for raw sockets; otherwise it is that of the table. */
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
      name: sctp ? SCTP_TIMER_NAME : timerName(number),
      expiresMs: this.expires,
      retransmits: this.retransmits,
    };
  }

  /** The directions that are shut down as kernel bits: bit 0 receive, bit 1 send. */
  get shutdownBits(): number | undefined {
    return this.u8(inetAttributes.shutdown.id);
  }

  /** The directions that are shut down. */
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

  /** IPV6_V6ONLY as the kernel's number: 0 or 1. */
  get v6onlyNumber(): number | undefined {
    return this.u8(inetAttributes.skV6Only.id);
  }

  /** IPV6_V6ONLY. */
  get v6only(): boolean | undefined {
    const value = this.v6onlyNumber;
    return value === undefined ? undefined : value !== 0;
  }

  /** Id of the cgroup v2 in which the socket was created. */
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

  /** The socket's memory. Option `-m`. */
  get memory(): SkMemInfo | undefined {
    return this.struct(inetAttributes.skMemInfo.id, SkMemInfo);
  }

  /** The socket's memory from kernels before SK_MEMINFO. Option `-m`. */
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

  /** Whether an SCTP socket is an association. The kernel sends peer addresses only for these, not for endpoints. */
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

  /** Details of the upper layer protocol of a TCP connection: kernel TLS, MPTCP and so on. Option `-i`. */
  get ulpInfo(): UlpInfo | undefined {
    return this.struct(inetAttributes.ulpInfo.id, UlpInfo);
  }

  /** Values that BPF programs stored with the socket. Option `--bpf-maps`. */
  get bpfStorages(): BpfStorages | undefined {
    return this.struct(inetAttributes.bpfStorages.id, BpfStorages);
  }

  /** The complete structs of an attribute that holds an array. */
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

  /** State of TCP Vegas. Option `-i`. */
  get vegasInfo(): VegasInfo | undefined {
    return this.struct(inetAttributes.vegasInfo.id, VegasInfo);
  }

  /** State of DCTCP. Option `-i`. */
  get dctcpInfo(): DctcpInfo | undefined {
    return this.struct(inetAttributes.dctcpInfo.id, DctcpInfo);
  }

  /** State of BBR. Option `-i`. */
  get bbrInfo(): BbrInfo | undefined {
    return this.struct(inetAttributes.bbrInfo.id, BbrInfo);
  }
}
