/** The columns of what stands on top of TCP: MD5 signatures, kernel TLS, MPTCP subflows, BPF storages. */

import { type Column, factOf, structColumns } from "../../fields/column.ts";
import type { NameSource } from "../../fields/names.ts";
import type { Json } from "../../model/json.ts";
import type { BpfStorage } from "./layouts/bpf-storage.ts";
import { inetAttributes } from "./layouts/inet-diag.ts";
import { mptcpSubflow, mptcpSubflowFlags, type TlsInfo, tlsInfo, tlsWord, tlsWords } from "./layouts/ulp.ts";
import type { InetSocket } from "./socket.ts";

const decoder = new TextDecoder();

/** Bytes of unknown meaning as text. */
function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The words for TLS values in JSON. */
const tlsWordsOf = {
  version: tlsWords.version,
  cipher: tlsWords.cipher,
  txConf: tlsWords.conf,
  rxConf: tlsWords.conf,
} as const satisfies Partial<Record<keyof TlsInfo, ReadonlyMap<number, string>>>;

const tlsColumns: readonly Column<InetSocket>[] = [
  ...Object.entries(tlsWordsOf).map(([name, words]) => {
    const { kernel, doc } = tlsInfo[name as keyof typeof tlsWordsOf];
    return {
      key: `ulp.tls.${name}`,
      ss: `${name.toLowerCase()}:`,
      type: "string",
      words: [...words.values()],
      kernel,
      demand: "info",
      doc,
      read: ({ ulpInfo }: InetSocket) => {
        const number = ulpInfo?.tls?.[name as keyof typeof tlsWordsOf];
        return number === undefined ? undefined : tlsWord(words, number);
      },
    } as const;
  }),
  ...structColumns(
    "ulp.tls",
    "info",
    { zcRoTx: tlsInfo.zcRoTx, rxNoPad: tlsInfo.rxNoPad },
    (socket: InetSocket) => socket.ulpInfo?.tls,
  ),
];

const { flags, ...subflowFields } = mptcpSubflow;

const subflowColumns: readonly Column<InetSocket>[] = [
  {
    key: "ulp.mptcp.flags",
    type: "array",
    items: "string",
    ss: "flags:",
    words: mptcpSubflowFlags.map(({ name }) => name),
    kernel: flags.kernel,
    demand: "info",
    doc: flags.doc,
    read: ({ ulpInfo }) => {
      const bits = ulpInfo?.mptcp?.flags;
      if (bits === undefined) return undefined;
      return mptcpSubflowFlags.flatMap(({ name }, bit) => (bits & (1 << bit) ? name : []));
    },
  },
  ...structColumns("ulp.mptcp", "info", subflowFields, (socket: InetSocket) => socket.ulpInfo?.mptcp),
];

function storage({ mapId, value }: BpfStorage, names: NameSource): Json[] {
  const more = mapId === undefined || value === undefined ? undefined : names.bpfValue(mapId, value);
  return more === undefined ? [] : [{ mapId: mapId!, value: hexBytes(value!), ...more } as Json];
}

/** The columns, in the order of their JSON. @param address gives an IPv4 or IPv6 address as text */
export function ulpColumns(
  names: NameSource,
  address: (data: DataView, at: number, family: number) => string,
): readonly Column<InetSocket>[] {
  return [
    {
      key: "md5Signatures",
      type: "array",
      items: [
        { key: "address", type: "string", doc: "the peers that the key is for" },
        { key: "prefixLength", type: "integer", doc: "bits of that address that count" },
        { key: "key", type: "string", doc: "its bytes in hexadecimal" },
      ],
      ss: "md5keys:",
      ...factOf(inetAttributes.md5Signatures),
      demand: "info",
      read: ({ md5Signatures }) =>
        md5Signatures?.map(({ data, addressOffset, family, prefixLength, key }) => ({
          address: address(data, addressOffset, family),
          prefixLength,
          key: hexBytes(key),
        })),
    },
    {
      key: "ulp.name",
      type: "string",
      ss: "tcp-ulp-",
      kernel: "INET_ULP_INFO_NAME",
      since: "5.4",
      demand: "info",
      doc: "protocol on top of TCP",
      read: ({ ulpInfo }) => {
        const name = ulpInfo?.name;
        return name === undefined ? undefined : decoder.decode(name);
      },
    },
    ...tlsColumns,
    ...subflowColumns,
    {
      key: "bpfStorages",
      type: "array",
      items: [
        { key: "mapId", type: "integer", doc: "id of the map" },
        { key: "value", type: "string", doc: "the value's bytes in hexadecimal" },
        { key: "mapName", type: "string", doc: "name of the map", optional: true },
        { key: "type", type: "string", doc: "type of the value, as C calls it", optional: true },
        {
          key: "decoded",
          type: "any",
          doc: "the value by its type: structs as objects, enumerations by name, pointers in hexadecimal, arrays of char as text, integers beyond 2^53 as their digits",
          optional: true,
        },
      ],
      ...factOf(inetAttributes.bpfStorages),
      demand: "bpfStorages",
      read: ({ bpfStorages }) => {
        const told = bpfStorages && [...bpfStorages].flatMap((each) => storage(each, names));
        return told?.length ? told : undefined;
      },
    },
  ];
}
