/** ss's names of netlink protocols; the file `nl_protos` may add more. linux/netlink.h. */

/** Number and name of each protocol. */
export const netlinkProtocols = [
  [0, "rtnl"],
  [1, "unused"],
  [2, "usersock"],
  [3, "fw"],
  [4, "tcpdiag"],
  [5, "nflog"],
  [6, "xfrm"],
  [7, "selinux"],
  [8, "iscsi"],
  [9, "audit"],
  [10, "fiblookup"],
  [11, "connector"],
  [12, "nft"],
  [13, "ip6fw"],
  [14, "dec-rt"],
  [15, "uevent"],
  [16, "genl"],
  [18, "scsi-trans"],
  [19, "ecryptfs"],
  [20, "rdma"],
  [21, "crypto"],
] as const satisfies readonly (readonly [number, string])[];

/** The number of a protocol name. The name is case-sensitive. */
export function netlinkProtocolNumber(name: string): number | undefined {
  for (const [number, known] of netlinkProtocols) if (known === name) return number;
  return undefined;
}
