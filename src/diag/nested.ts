/** Attributes inside an attribute, as tables and views. */
import { type Fields, fieldWidth, readField, StructView } from "../bytes/layout.ts";
import type { FactField } from "../model/fact.ts";
import { NLA_HDRLEN, NLA_TYPE_MASK } from "../netlink/constants.ts";
import { align4, findAttribute } from "../netlink/message.ts";

/** One value in a nested attribute: the attribute's number, and where in its payload the value stands. */
export interface NestedField extends FactField {
  /** `nla_type`. */
  readonly id: number;
  /** The attribute has no payload: that it is there says it. */
  readonly flag?: boolean;
}

/** The values of a nested attribute, by our name for them. */
export type NestedTable = Readonly<Record<string, NestedField>>;

/** A nested attribute's payload: attributes one after another. */
export class NestedView extends StructView {
  /** A view of the payload of the first attribute of a type, or undefined if it was not sent. */
  find<V>(type: number, View: new (data: DataView, offset: number, length: number) => V): V | undefined {
    const at = findAttribute(this.data, this.offset, this.offset + this.length, type);
    if (at < 0) return undefined;
    return new View(this.data, at + NLA_HDRLEN, this.data.getUint16(at, true) - NLA_HDRLEN);
  }

  /** The payload of the first attribute of a type, or undefined if it was not sent. */
  bytes(type: number): Uint8Array | undefined {
    const payload = this.find(type, StructView);
    if (payload === undefined) return undefined;
    const { data, offset, length } = payload;
    return new Uint8Array(data.buffer, data.byteOffset + offset, length);
  }

  /** Views of the payloads of all attributes of a type; a malformed attribute ends them. */
  *all<V>(type: number, View: new (data: DataView, offset: number, length: number) => V): Generator<V> {
    const { data } = this;
    const end = this.offset + this.length;
    let at = this.offset;
    while (at + NLA_HDRLEN <= end) {
      const length = data.getUint16(at, true);
      if (length < NLA_HDRLEN || at + length > end) return;
      if ((data.getUint16(at + 2, true) & NLA_TYPE_MASK) === type)
        yield new View(data, at + NLA_HDRLEN, length - NLA_HDRLEN);
      at += align4(length);
    }
  }
}

/** Reads a value; a flag that was sent is 1, whatever it carries. */
function readNested(view: NestedView, field: NestedField): number | bigint | undefined {
  const payload = view.find(field.id, StructView);
  if (payload === undefined) return undefined;
  if (field.flag) return 1;
  if (payload.length < field.offset + fieldWidth[field.type]) return undefined;
  return readField(field, payload.data, payload.offset);
}

/** Makes the view class of a nested attribute: a getter for each row of its table, defined for the first view. */
export function nestedView<const T extends NestedTable>(
  table: T,
): new (
  data: DataView,
  offset: number,
  length: number,
) => NestedView & Fields<T> {
  let defined = false;
  const define = (prototype: NestedView) => {
    defined = true;
    for (const [name, field] of Object.entries(table))
      Object.defineProperty(prototype, name, {
        get(this: NestedView) {
          return readNested(this, field);
        },
      });
  };
  return class TableView extends NestedView {
    constructor(data: DataView, offset: number, length: number) {
      if (!defined) define(TableView.prototype);
      super(data, offset, length);
    }
  } as never;
}
