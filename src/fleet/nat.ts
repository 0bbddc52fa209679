/** The agent's side of {@link translations.ts}: reads the translated TCP connections of this host from conntrack. */
import type { Host } from "../host/host.ts";
import { openNamespaces } from "../host/namespaces.ts";
import { addressText } from "../model/address.ts";
import { IPPROTO_TCP } from "../model/family.ts";
import {
  CTA_TUPLE_ORIG,
  CTA_TUPLE_REPLY,
  conntrackRequest,
  IPS_DST_NAT,
  IPS_SRC_NAT,
  isTracked,
  NFGENMSG_SIZE,
  type Tuple,
  tupleOf,
} from "../netlink/conntrack.ts";
import { NETLINK_NETFILTER } from "../netlink/constants.ts";
import { startDump } from "../netlink/dump.ts";
import { DecodeError, NetlinkError } from "../netlink/errors.ts";
import { SMALLEST_DATAGRAM_BUFFER } from "../netlink/live.ts";
import type { EndAddress } from "./ends.ts";
import type { NatFacts, Translation } from "./translations.ts";

type Found = Pick<Translation, "before" | "after">;

const decoder = new TextDecoder();

/** A small number in a file below /proc/sys; undefined if the file cannot be read. */
function settingOf({ files }: Host, path: string): number | undefined {
  try {
    return Number(decoder.decode(files.read(`/proc/sys/net/${path}`)));
  } catch {
    return undefined;
  }
}

function isSame(a: EndAddress, b: EndAddress): boolean {
  return a.port === b.port && a.address === b.address;
}

/** The translation in a message of conntrack; undefined if it is not TCP, or its addresses stay. */
function translationIn(data: DataView, offset: number, length: number): Found | undefined {
  if (length < NFGENMSG_SIZE) return undefined;
  const family = data.getUint8(offset);
  if (!isTracked(family)) return undefined;
  const message = { from: offset + NFGENMSG_SIZE, end: offset + length };
  const sent = tupleOf(data, message, CTA_TUPLE_ORIG, family);
  const answered = tupleOf(data, message, CTA_TUPLE_REPLY, family);
  if (sent?.protocol !== IPPROTO_TCP || answered === undefined) return undefined;
  const source = (tuple: Tuple) => ({
    address: addressText(data, tuple.sourceOffset, family),
    port: tuple.sport,
  });
  const destination = (tuple: Tuple) => ({
    address: addressText(data, tuple.destinationOffset, family),
    port: tuple.dport,
  });
  const before = { from: source(sent), to: destination(sent) };
  const after = { from: destination(answered), to: source(answered) };
  return isSame(before.from, after.from) && isSame(before.to, after.to) ? undefined : { before, after };
}

/** The two sets of connections with a translated source, and with only a translated destination. */
const statuses = [
  { value: IPS_SRC_NAT, mask: IPS_SRC_NAT },
  { value: IPS_DST_NAT, mask: IPS_SRC_NAT | IPS_DST_NAT },
] as const;

/**
 * Reads the translations of one namespace.
 *
 * @param take takes each; a kernel before 6.0 sends each twice
 * @param check is called after each datagram, and may throw to end the run
 * @throws NetlinkError if conntrack may not be read
 */
function readPlace({ transport }: Host, take: (found: Found) => void, check: () => void): void {
  const room = new Uint8Array(SMALLEST_DATAGRAM_BUFFER * 2);
  for (const { value, mask } of statuses) {
    const socket = transport.open(NETLINK_NETFILTER);
    try {
      const next = startDump(socket, conntrackRequest(value, mask), room, (data, _, offset, length) => {
        const found = translationIn(data, offset, length);
        if (found !== undefined) take(found);
      });
      while (next() === undefined) check();
    } finally {
      socket.close();
    }
  }
}

/**
 * Reads the translations that the NAT of this host makes, in every network namespace that can be entered.
 *
 * @param take takes each, possibly more than once
 * @param check is called after each datagram, and may throw to end the run
 */
export function readNat(host: Host, take: (found: Found) => void, check: () => void): NatFacts {
  // A recording has no conntrack. Only this machine finds the names of interfaces without netlink.
  const isHere = host.past === undefined && host.interfaceName !== undefined;
  using places = isHere ? openNamespaces(host, () => undefined) : undefined;
  let readable = isHere;
  for (const place of places?.list ?? []) {
    // Where nothing is tracked, there is no table to walk.
    if (!settingOf(place.host, "netfilter/nf_conntrack_count")) continue;
    try {
      readPlace(place.host, take, check);
    } catch (error) {
      if (!(error instanceof NetlinkError || error instanceof DecodeError)) throw error;
      readable = false;
    }
  }
  const forwards = ["ipv4/ip_forward", "ipv6/conf/all/forwarding"].some(
    (path) => (settingOf(host, path) ?? 0) > 0,
  );
  return { forwards, readable };
}
