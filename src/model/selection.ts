/** Which sockets are asked for: tables, address families and states, and how ss's words select them. */
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_TIPC, AF_UNIX, AF_VSOCK, AF_XDP } from "./family.ts";
import { DEFAULT_STATES, SS_CLOSE, SS_ESTABLISHED, SS_LISTEN } from "./state.ts";

/** A socket table, as `-A` names it. */
export type Table =
  | "udp"
  | "dccp"
  | "tcp"
  | "mptcp"
  | "raw"
  | "unix_stream"
  | "unix_dgram"
  | "unix_seqpacket"
  | "packet_raw"
  | "packet_dgram"
  | "netlink"
  | "sctp"
  | "vsock_stream"
  | "vsock_dgram"
  | "tipc"
  | "xdp";

const INET = [AF_INET, AF_INET6] as const;
const CLOSED = 1 << SS_CLOSE;
const ESTABLISHED = 1 << SS_ESTABLISHED;
const TIPC_STATES = ESTABLISHED | CLOSED | (1 << SS_LISTEN);

/** Each table: the families that it has, and the states that choosing it by an option selects. */
export const tables: Readonly<Record<Table, { families: readonly number[]; states: number }>> = {
  udp: { families: INET, states: ESTABLISHED },
  dccp: { families: INET, states: DEFAULT_STATES },
  tcp: { families: INET, states: DEFAULT_STATES },
  mptcp: { families: INET, states: DEFAULT_STATES },
  raw: { families: INET, states: ESTABLISHED },
  unix_stream: { families: [AF_UNIX], states: DEFAULT_STATES },
  unix_dgram: { families: [AF_UNIX], states: CLOSED },
  unix_seqpacket: { families: [AF_UNIX], states: DEFAULT_STATES },
  packet_raw: { families: [AF_PACKET], states: CLOSED },
  packet_dgram: { families: [AF_PACKET], states: CLOSED },
  netlink: { families: [AF_NETLINK], states: CLOSED },
  sctp: { families: INET, states: DEFAULT_STATES },
  vsock_stream: { families: [AF_VSOCK], states: DEFAULT_STATES },
  vsock_dgram: { families: [AF_VSOCK], states: DEFAULT_STATES },
  tipc: { families: [AF_TIPC], states: TIPC_STATES },
  xdp: { families: [AF_XDP], states: CLOSED },
};

/** Each family's number by the word of `-f`, and the states that choosing it selects. */
export const families = {
  inet: { number: AF_INET, states: DEFAULT_STATES },
  inet6: { number: AF_INET6, states: DEFAULT_STATES },
  link: { number: AF_PACKET, states: CLOSED },
  unix: { number: AF_UNIX, states: DEFAULT_STATES },
  netlink: { number: AF_NETLINK, states: CLOSED },
  tipc: { number: AF_TIPC, states: TIPC_STATES },
  vsock: { number: AF_VSOCK, states: DEFAULT_STATES },
  xdp: { number: AF_XDP, states: CLOSED },
} as const;

/** A family's word, as `-f` takes it. */
export type Family = keyof typeof families;

/** Which sockets are asked for. */
export interface Selection {
  readonly tables: ReadonlySet<Table>;
  /** AF_* numbers. */
  readonly families: ReadonlySet<number>;
  /** Mask of states, bit = the kernel's number. */
  readonly states: number;
  /** The AF_* that addresses without a prefix belong to, and that decides which inet families are asked for. */
  readonly preferred: number | undefined;
}
