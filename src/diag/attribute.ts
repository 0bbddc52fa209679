/** Netlink attributes that sockets carry: their numbers, and what makes the kernel send them. */
import type { FactProperties } from "../model/fact.ts";

/** One attribute. */
export interface Attribute extends FactProperties {
  /** `nla_type`. */
  readonly id: number;
  /** The kernel's name. */
  readonly kernel: string;
  /** Bits of the request's `ext` or `show` mask; any one of them makes the kernel send it. Absent: always sent. */
  readonly requestedBy?: number;
  /** First kernel that sends it, where that is later than the diag module itself. */
  readonly since?: string;
  /** What it carries. */
  readonly doc: string;
}

/** The attributes of one kind of socket, by our name for them. */
export type AttributeTable = Readonly<Record<string, Attribute>>;
