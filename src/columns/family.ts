/** The columns that begin the plain objects of the families other than inet. */
import { SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, SOCK_STREAM } from "../model/family.ts";
import { SS_CLOSE, stateName } from "../model/state.ts";
import { type Column, stateWords } from "./column.ts";

const types = new Map([
  [SOCK_STREAM, "stream"],
  [SOCK_DGRAM, "dgram"],
  [SOCK_RAW, "raw"],
  [SOCK_RDM, "rdm"],
  [SOCK_SEQPACKET, "seqpacket"],
]);

/**
 * What family a socket is of.
 *
 * @param netid the socket table
 * @param family the word that `-f` takes
 */
export function familyColumns(netid: string, family: string): readonly Column<unknown>[] {
  return [
    { key: "netid", ss: "Netid", type: "string", words: [netid], doc: "the socket table", read: () => netid },
    { key: "family", type: "string", words: [family], doc: "address family", read: () => family },
  ];
}

/** The type of a socket. @param kernel the kernel's name for it */
export function typeColumn(kernel: string): Column<{ readonly type: number | undefined }> {
  return {
    key: "type",
    type: "string",
    words: [...types.values()],
    kernel,
    doc: "socket type",
    // 0 is no type: /proc/net/netlink does not tell.
    read: ({ type }) => (type ? (types.get(type) ?? `unknown(${type})`) : undefined),
  };
}

/** The state of a socket. @param kernel the kernel's name for it */
export function stateColumn(kernel: string): Column<{ readonly stateNumber: number | undefined }> {
  return {
    key: "state",
    ss: "State",
    type: "string",
    words: stateWords,
    kernel,
    doc: "state of the connection",
    read: ({ stateNumber }) => (stateNumber === undefined ? undefined : stateName(stateNumber)),
  };
}

/** The state of the sockets of a family that has none: ss selects and shows them as closed ones. */
export const closedColumn: Column<unknown> = {
  key: "state",
  ss: "State",
  type: "string",
  words: [stateName(SS_CLOSE)],
  doc: "always this: these sockets have no states",
  read: () => stateName(SS_CLOSE),
};
