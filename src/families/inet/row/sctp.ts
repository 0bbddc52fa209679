/** What ss says of SCTP: the states of associations, all addresses, struct sctp_info. */
import { ascii, type ByteWriter } from "../../../bytes/writer.ts";
import { writeIpv4, writeIpv6 } from "../../../model/address.ts";
import { AF_INET, AF_INET6 } from "../../../model/family.ts";
import { item, writeItem } from "../../../table/items.ts";
import {
  type SctpInfo,
  type SocketAddress,
  sctpInfo,
  sctpStateName,
  sctpStates,
} from "../layouts/sctp-info.ts";
import type { InetSocket } from "../socket.ts";

const COMMA = 0x2c;

const associationLabels = sctpStates.map((name) => ascii(`\`- ${name}`));

/** Writes the State cell of an association, which stands below its endpoint. */
export function writeAssociationState(text: ByteWriter, number: number): void {
  const label = associationLabels[number];
  if (label === undefined) text.text(`\`- ${sctpStateName(number)}`);
  else text.put(label);
}

function writeAddresses(text: ByteWriter, label: string, addresses: readonly SocketAddress[] | undefined) {
  if (addresses === undefined) return;
  text.text(label);
  addresses.forEach(({ family, data, addressOffset }, index) => {
    if (index > 0) text.byte(COMMA);
    if (family === AF_INET) writeIpv4(text, data, addressOffset);
    else if (family === AF_INET6) writeIpv6(text, data, addressOffset);
  });
}

const tag = item(" tag:", sctpInfo.tag, "hex");

const items = [
  item(" rwnd:", sctpInfo.rwnd, "i32"),
  item(" unackdata:", sctpInfo.unackdata, "i32"),
  item(" penddata:", sctpInfo.penddata, "i32"),
  item(" instrms:", sctpInfo.instrms, "i32"),
  item(" outstrms:", sctpInfo.outstrms, "i32"),
  item(" inqueue:", sctpInfo.inqueue, "i32"),
  item(" outqueue:", sctpInfo.outqueue, "i32"),
  item(" overerr:", sctpInfo.overallError, "i32"),
  item(" maxburst:", sctpInfo.maxBurst, "i32"),
  item(" maxseg:", sctpInfo.maxseg, "i32"),
  item(" prwnd:", sctpInfo.peerRwnd, "i32"),
  item(" ptag:", sctpInfo.peerTag, "hex"),
  item(" pcapable:", sctpInfo.peerCapable, "i32"),
  item(" psack:", sctpInfo.peerSack, "i32"),
  item(" autoclose:", sctpInfo.autoclose, "i32"),
  item(" adapind:", sctpInfo.adaptationInd, "i32"),
  item(" pdpoint:", sctpInfo.pdPoint, "i32"),
  item(" nodelay:", sctpInfo.nodelay, "i32"),
  item(" nofrag:", sctpInfo.disableFragments, "i32"),
  item(" v4mapped:", sctpInfo.v4mapped, "i32"),
  item(" fraginl:", sctpInfo.fragInterleave, "i32"),
];

function writeInfo(text: ByteWriter, info: SctpInfo): void {
  writeItem(text, tag, info);
  if (info.state) text.text(` state:${sctpStateName(info.state)}`);
  for (const item of items) writeItem(text, item, info);
}

/** Writes the addresses and the sctp_info of an SCTP endpoint or association. */
export function writeSctpInfo(text: ByteWriter, socket: InetSocket): void {
  writeAddresses(text, " locals:", socket.locals);
  writeAddresses(text, " peers:", socket.peers);
  const { sctpInfo } = socket;
  if (sctpInfo !== undefined) writeInfo(text, sctpInfo);
}
