/** Netlink attributes that sockets carry: their numbers, and what makes the kernel send them. */
import type { FactProperties } from "../model/fact.ts";

/** One attribute. */
export interface Attribute extends FactProperties {
  /** `nla_type`. */
  readonly id: number;
  /** The kernel's name. */
  readonly kernel: string;
  /** Bits of the request's `ext` or `show` mask; the kernel sends the attribute if any is set. Absent: always sent. */
  readonly requestedBy?: number;
  /** First kernel that sends it, if later than the diag module itself. */
  readonly since?: string;
  /** Its content. */
  readonly doc: string;
}

/** The attributes of one kind of socket, by field name. */
export type AttributeTable = Readonly<Record<string, Attribute>>;
