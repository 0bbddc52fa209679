/** The body of a sock_diag answer as a view: a fixed struct, then attributes. */
import { keepOutOfLastTier } from "#libc";
import { StructView } from "../bytes/layout.ts";
import type { Netns } from "../host/namespaces.ts";
import type { Json } from "../model/json.ts";
import { NLA_HDRLEN, NLA_TYPE_MASK } from "../netlink/constants.ts";
import { align4 } from "../netlink/message.ts";
import type { Recall } from "../netlink/transport.ts";

/** Where a socket was listed: the part of a query that all sockets of one table share. */
export interface Origin {
  /** IP protocol of the requested inet table. A row may have another one. */
  readonly protocol: number;
  /** The network namespace, where sockets of several are listed. */
  readonly netns?: Netns | undefined;
  /** The plain object that `--json` prints for a socket of this query; left out where nothing makes it. */
  readonly describe?: ((socket: DiagMessage) => { readonly [key: string]: Json }) | undefined;
  /** Reads the messages of the answer that arrives now again; undefined if they must be kept for that. */
  readonly recall?: () => Recall | undefined;
}

/** An attribute that cannot be walked over, and with it all that would have come behind. */
export interface MalformedAttribute {
  /** Bytes from its start to the end of the message. */
  readonly remaining: number;
  /** The length that it claims to have, in bytes; 0 if not even that is there. */
  readonly length: number;
}

/** Attribute numbers beyond this are unknown to everybody. */
const INDEXED = 64;
/** Offset of each attribute in the message that was read last; 0 for a missing attribute. */
const index = new Int32Array(INDEXED);
let indexedData: DataView | undefined;
let indexedOffset = -1;
/** Where the walk of that message ended: its end, unless an attribute is malformed. */
let indexedEnd = 0;

/** Walks the attributes of a message once; the first of a kind wins, a malformed one ends the walk. */
function indexAttributes(data: DataView, from: number, end: number): void {
  index.fill(0);
  indexedData = data;
  indexedOffset = from;
  let at = from;
  while (at + NLA_HDRLEN <= end) {
    const length = data.getUint16(at, true);
    if (length < NLA_HDRLEN || at + length > end) break;
    const type = data.getUint16(at + 2, true) & NLA_TYPE_MASK;
    if (type < INDEXED && index[type] === 0) index[type] = at;
    at += align4(length);
  }
  indexedEnd = at;
}

keepOutOfLastTier(indexAttributes);

/** A sock_diag answer: `offset` and `length` are those of the netlink message's payload. */
export class DiagMessage extends StructView {
  /** The part of the query that listed this socket. */
  readonly origin: Origin;

  constructor(data: DataView, offset: number, length: number, origin: Origin) {
    super(data, offset, length);
    this.origin = origin;
  }

  /** The same kind of view of a copy of this message elsewhere. */
  at(data: DataView, offset: number, origin = this.origin): this {
    return this.of(data, offset, this.length, origin);
  }

  /** The same kind of view of another message. */
  of(data: DataView, offset: number, length: number, origin = this.origin): this {
    const View = this.constructor as new (...args: ConstructorParameters<typeof DiagMessage>) => this;
    return new View(data, offset, length, origin);
  }

  /** Bytes of the fixed struct before the attributes. */
  protected get headerSize(): number {
    return 0;
  }

  /**
   * Where an attribute's payload begins, or 0 if the kernel did not send it. Looking at one socket's attributes
   * after another's walks them again; in turn, each message is walked once.
   */
  attribute(type: number): number {
    this.#walk();
    const at = index[type]!;
    return at === 0 ? 0 : at + NLA_HDRLEN;
  }

  #walk(): void {
    const from = this.offset + this.headerSize;
    if (indexedOffset !== from || indexedData !== this.data)
      indexAttributes(this.data, from, this.offset + this.length);
  }

  /** The attribute that cannot be walked over, if there is one. */
  get malformed(): MalformedAttribute | undefined {
    this.#walk();
    const end = this.offset + this.length;
    if (indexedEnd >= end) return undefined;
    const whole = indexedEnd + 2 <= end;
    return { remaining: end - indexedEnd, length: whole ? this.data.getUint16(indexedEnd, true) : 0 };
  }

  /** Bytes of the payload that {@link attribute} found. */
  attributeLength(payload: number): number {
    return this.data.getUint16(payload - NLA_HDRLEN, true) - NLA_HDRLEN;
  }

  /** A view of the struct that an attribute carries, or undefined if it was not sent. */
  protected struct<V>(type: number, View: new (data: DataView, offset: number, length: number) => V) {
    const payload = this.attribute(type);
    return payload === 0 ? undefined : new View(this.data, payload, this.attributeLength(payload));
  }

  /** The value of an attribute that holds one u8, or undefined. */
  protected u8(type: number): number | undefined {
    const payload = this.attribute(type);
    return payload === 0 || this.attributeLength(payload) < 1 ? undefined : this.data.getUint8(payload);
  }

  /** The value of an attribute that holds one u32, or undefined. */
  protected u32(type: number): number | undefined {
    const payload = this.attribute(type);
    return payload === 0 || this.attributeLength(payload) < 4
      ? undefined
      : this.data.getUint32(payload, true);
  }

  /** The bytes of an attribute, or undefined. */
  attributeBytes(type: number): Uint8Array | undefined {
    const payload = this.attribute(type);
    if (payload === 0) return undefined;
    return new Uint8Array(this.data.buffer, this.data.byteOffset + payload, this.attributeLength(payload));
  }

  /**
   * The same plain object that `--json` prints for this socket.
   *
   * @throws TypeError for a socket that was listed without a way to describe it, which the library never does
   */
  toJSON(): { readonly [key: string]: Json } {
    const { describe } = this.origin;
    if (describe === undefined) throw new TypeError("this socket was listed without a description");
    return describe(this);
  }
}

/** What the sockets of every kind have, for code that does not care about the kind. */
export interface AnySocket extends DiagMessage {
  /** `inet`, `unix` and so on. */
  readonly kind: string;
  /** Inode of the socket; 0 or undefined where it has no file. */
  readonly inode: number | undefined;
}
