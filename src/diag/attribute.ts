/** A netlink attribute that a kind of socket carries: its number, and what makes the kernel send it. */
export interface Attribute {
  /** `nla_type`. */
  readonly id: number;
  /** The kernel's name. */
  readonly kernel: string;
  /** The bits of the request's `ext` or `show` mask of which one must be set; absent: always sent. */
  readonly requestedBy?: number;
  /** First kernel that sends it, where that is later than the diag module itself. */
  readonly since?: string;
  /** What it carries. */
  readonly doc: string;
}

/** The attributes of one kind of socket, by our name for them. */
export type AttributeTable = Readonly<Record<string, Attribute>>;
