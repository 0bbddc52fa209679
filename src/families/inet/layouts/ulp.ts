/**
 * INET_DIAG_ULP_INFO: the upper layer protocol of a TCP connection, such as kernel TLS or an MPTCP subflow.
 * linux/inet_diag.h, linux/tls.h, linux/mptcp.h.
 */
import { type NestedTable, NestedView, nestedView } from "../../../diag/nested.ts";

/** Attributes of INET_ULP_INFO_TLS. */
export const tlsInfo = {
  version: { id: 1, offset: 0, type: "u16", kernel: "TLS_INFO_VERSION", doc: "protocol version" },
  cipher: { id: 2, offset: 0, type: "u16", kernel: "TLS_INFO_CIPHER", doc: "cipher suite" },
  txConf: {
    id: 3,
    offset: 0,
    type: "u16",
    kernel: "TLS_INFO_TXCONF",
    doc: "transmit path: software or device encryption",
  },
  rxConf: {
    id: 4,
    offset: 0,
    type: "u16",
    kernel: "TLS_INFO_RXCONF",
    doc: "receive path: software or device decryption",
  },
  zcRoTx: {
    id: 5,
    offset: 0,
    type: "u8",
    bits: [0, 1],
    flag: true,
    kernel: "TLS_INFO_ZC_RO_TX",
    since: "5.19",
    doc: "TLS_TX_ZEROCOPY_RO: sendfile does not copy the data",
  },
  rxNoPad: {
    id: 6,
    offset: 0,
    type: "u8",
    bits: [0, 1],
    flag: true,
    kernel: "TLS_INFO_RX_NO_PAD",
    since: "6.0",
    doc: "TLS_RX_EXPECT_NO_PAD: records are expected to have no padding",
  },
} as const satisfies NestedTable;

/** View of INET_ULP_INFO_TLS. */
export const TlsInfo = nestedView(tlsInfo);
/** View of INET_ULP_INFO_TLS. */
export interface TlsInfo extends InstanceType<typeof TlsInfo> {}

/** The words for the numbers of INET_ULP_INFO_TLS. */
export const tlsWords = {
  version: new Map([
    [0x0303, "1.2"],
    [0x0304, "1.3"],
  ]),
  cipher: new Map([
    [51, "aes-gcm-128"],
    [52, "aes-gcm-256"],
    [53, "aes-ccm-128"],
    [54, "chacha20-poly1305"],
    [55, "sm4-gcm"],
    [56, "sm4-ccm"],
    [57, "aria-gcm-128"],
    [58, "aria-gcm-256"],
  ]),
  conf: new Map([
    [1, "none"],
    [2, "sw"],
    [3, "hw"],
    [4, "hw-record"],
  ]),
} as const satisfies Record<string, ReadonlyMap<number, string>>;

/** The word for a number; `unknown(N)` for a number that no known kernel sends. */
export function tlsWord(words: ReadonlyMap<number, string>, number: number): string {
  return words.get(number) ?? `unknown(${number})`;
}

/** Attributes of INET_ULP_INFO_MPTCP. */
export const mptcpSubflow = {
  tokenRem: {
    id: 1,
    offset: 0,
    type: "u32",
    metric: "identity",
    kernel: "MPTCP_SUBFLOW_ATTR_TOKEN_REM",
    doc: "the peer's token of the connection",
  },
  tokenLoc: {
    id: 2,
    offset: 0,
    type: "u32",
    metric: "identity",
    kernel: "MPTCP_SUBFLOW_ATTR_TOKEN_LOC",
    doc: "the local token of the connection",
  },
  relwriteSeq: {
    id: 3,
    offset: 0,
    type: "u32",
    metric: "identity",
    kernel: "MPTCP_SUBFLOW_ATTR_RELWRITE_SEQ",
    doc: "relative sequence number of the next byte to write",
  },
  mapSeq: {
    id: 4,
    offset: 0,
    type: "id64",
    metric: "identity",
    kernel: "MPTCP_SUBFLOW_ATTR_MAP_SEQ",
    doc: "data sequence number where the mapping begins",
  },
  mapSfseq: {
    id: 5,
    offset: 0,
    type: "u32",
    metric: "identity",
    kernel: "MPTCP_SUBFLOW_ATTR_MAP_SFSEQ",
    doc: "subflow sequence number where the mapping begins",
  },
  ssnOffset: {
    id: 6,
    offset: 0,
    type: "u32",
    metric: "identity",
    kernel: "MPTCP_SUBFLOW_ATTR_SSN_OFFSET",
    doc: "subflow sequence number of the first byte",
  },
  mapDatalen: {
    id: 7,
    offset: 0,
    type: "u16",
    unit: "bytes",
    metric: "gauge",
    kernel: "MPTCP_SUBFLOW_ATTR_MAP_DATALEN",
    doc: "length of the mapping",
  },
  flags: { id: 8, offset: 0, type: "u32", kernel: "MPTCP_SUBFLOW_ATTR_FLAGS", doc: "MPTCP_SUBFLOW_FLAG_*" },
  idRem: {
    id: 9,
    offset: 0,
    type: "u8",
    kernel: "MPTCP_SUBFLOW_ATTR_ID_REM",
    doc: "id of the peer's address",
  },
  idLoc: {
    id: 10,
    offset: 0,
    type: "u8",
    kernel: "MPTCP_SUBFLOW_ATTR_ID_LOC",
    doc: "id of the local address",
  },
} as const satisfies NestedTable;

/** The flags of a subflow, MPTCP_SUBFLOW_FLAG_*, by bit: ss's letter and the name in JSON. */
export const mptcpSubflowFlags = [
  { letter: "M", name: "mcapRem" },
  { letter: "m", name: "mcapLoc" },
  { letter: "J", name: "joinRem" },
  { letter: "j", name: "joinLoc" },
  { letter: "B", name: "bkupRem" },
  { letter: "b", name: "bkupLoc" },
  { letter: "e", name: "fullyEstablished" },
  { letter: "c", name: "connected" },
  { letter: "v", name: "mapvalid" },
] as const;

/** View of INET_ULP_INFO_MPTCP. */
export const MptcpSubflow = nestedView(mptcpSubflow);
/** View of INET_ULP_INFO_MPTCP. */
export interface MptcpSubflow extends InstanceType<typeof MptcpSubflow> {}

/** Attributes of INET_DIAG_ULP_INFO. */
const INET_ULP_INFO_NAME = 1;
const INET_ULP_INFO_TLS = 2;
const INET_ULP_INFO_MPTCP = 3;

/** View of INET_DIAG_ULP_INFO. */
export class UlpInfo extends NestedView {
  /** Name of the protocol: `tls`, `mptcp`, `espintcp`, `smc`, … */
  get name(): Uint8Array | undefined {
    const bytes = this.bytes(INET_ULP_INFO_NAME);
    const end = bytes?.indexOf(0) ?? -1;
    return end < 0 ? bytes : bytes?.subarray(0, end);
  }

  /** Details of kernel TLS. */
  get tls(): TlsInfo | undefined {
    return this.find(INET_ULP_INFO_TLS, TlsInfo);
  }

  /** Details of an MPTCP subflow. */
  get mptcp(): MptcpSubflow | undefined {
    return this.find(INET_ULP_INFO_MPTCP, MptcpSubflow);
  }
}
