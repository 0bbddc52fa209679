/** Requests for the sockets of the inet tables. linux/inet_diag.h. */
import { writeField } from "../../bytes/layout.ts";
import { NLA_F_NESTED } from "../../netlink/constants.ts";
import { type AttributeToWrite, encodeAttributes, u32Payload } from "../../netlink/message.ts";
import {
  INET_DIAG_LEGACY_REQUEST_SIZE,
  INET_DIAG_REQ_SK_BPF_STORAGES,
  INET_DIAG_REQUEST_SIZE,
  inetDiagLegacyRequest,
  inetDiagRequest,
} from "./layouts/inet-diag.ts";

/** Attribute of INET_DIAG_REQ_SK_BPF_STORAGES: the descriptor of a map to read. linux/sock_diag.h. */
const SK_DIAG_BPF_STORAGE_REQ_MAP_FD = 1;

/**
 * The payload of a dump request.
 *
 * @param family AF_INET or AF_INET6
 * @param protocol IP protocol. Only its low byte fits here; a protocol above 255 (MPTCP) also needs an attribute
 * @param ext bits of INET_DIAG_EXT
 * @param states mask of requested states
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

/** The payload of a dump request for kernels before 3.3. The message type says which protocol. */
export function inetLegacyRequest(family: number, ext: number, states: number): Uint8Array {
  const bytes = new Uint8Array(INET_DIAG_LEGACY_REQUEST_SIZE);
  const data = new DataView(bytes.buffer);
  writeField(inetDiagLegacyRequest.family, data, 0, family);
  writeField(inetDiagLegacyRequest.ext, data, 0, ext);
  writeField(inetDiagLegacyRequest.states, data, 0, states);
  return bytes;
}

/**
 * The attribute of a dump request that requests BPF storages. Needs CAP_BPF.
 *
 * @param mapFds descriptors of the maps to read; empty for all maps, undefined for no values
 */
export function bpfStorageRequest(mapFds: readonly number[] | undefined): AttributeToWrite[] {
  if (mapFds === undefined) return [];
  const maps = mapFds.map((fd) => ({ type: SK_DIAG_BPF_STORAGE_REQ_MAP_FD, payload: u32Payload(fd) }));
  return [{ type: INET_DIAG_REQ_SK_BPF_STORAGES | NLA_F_NESTED, payload: encodeAttributes(maps) }];
}
