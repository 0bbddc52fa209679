/** What the played kernel of a recording knows of a family: how requests select among recorded answers. */
import type { Field } from "../bytes/layout.ts";
import type { AttributeTable } from "../diag/attribute.ts";

/**
 * Whether a message of a datagram passes a mask of states.
 *
 * @param data the recorded datagram
 * @param at offset of the message
 * @param end offset of its end; it contains the fixed struct of its family
 * @param previous offset of the previous message in the datagram, or -1 if that has no such struct
 */
export type StateTest = (mask: number, data: DataView, at: number, end: number, previous: number) => boolean;

/** The layout of a family's requests and answers. */
export interface ReplayedFamily {
  /** AF_* numbers. */
  readonly families: readonly number[];
  /** Bytes of the request's struct. */
  readonly requestSize: number;
  /** The request's mask of states. */
  readonly states?: Field;
  /** The test that the mask stands for, by the IP protocol of the request; left out: every socket passes. */
  readonly stateTest?: (protocol: number) => StateTest;
  /** The request's mask of attributes. */
  readonly wanted?: Field;
  /** The request attribute that holds a filter. */
  readonly filter?: number;
  /** Bytes of an answer's fixed struct. */
  readonly messageSize: number;
  /** The attributes of an answer. */
  readonly attributes?: AttributeTable;
}

/** Whether a mask has the bit of a state. States without a bit are in no mask. */
export function hasState(mask: number, state: number): boolean {
  return state < 32 && (mask & (1 << state)) !== 0;
}
