/** A netlink attribute of a kind of socket: its number, and the request bit that makes the kernel send it. */
export interface Attribute {
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
