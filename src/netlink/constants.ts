/** Numbers of the netlink protocol itself. linux/netlink.h, linux/sock_diag.h, linux/rtnetlink.h. */

/** Address family of netlink sockets. */
export const AF_NETLINK = 16;

/** Netlink protocols that Sockscope uses. */
export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
export const NETLINK_NETFILTER = 12;

/** Bytes of `struct nlmsghdr`. */
export const NLMSG_HDRLEN = 16;
/** Bytes of `struct nlattr`. */
export const NLA_HDRLEN = 4;
/** The type bits of an attribute: the two high bits are flags (nested, network byte order). */
export const NLA_TYPE_MASK = 0x3fff;
/** Flag of an attribute that holds attributes. */
export const NLA_F_NESTED = 0x8000;

/** Message types below NLMSG_MIN_TYPE. */
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

/** Message flags. */
export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
/** The table changed during the dump, so the dump may be inconsistent. */
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_ROOT = 0x100;
export const NLM_F_MATCH = 0x200;
/** The error message omits the request's payload. */
export const NLM_F_CAPPED = 0x100;
/** The error message has extended acknowledgement attributes. */
export const NLM_F_ACK_TLVS = 0x200;

/** Extended acknowledgement attributes. */
export const NLMSGERR_ATTR_MSG = 1;
export const NLMSGERR_ATTR_OFFS = 2;

/** Message types of NETLINK_SOCK_DIAG. */
export const TCPDIAG_GETSOCK = 18;
export const DCCPDIAG_GETSOCK = 19;
export const SOCK_DIAG_BY_FAMILY = 20;
export const SOCK_DESTROY = 21;

/** Message types of NETLINK_ROUTE. */
export const RTM_NEWLINK = 16;
export const RTM_GETLINK = 18;
