/** Messages that are held until it is their turn: those about IPv6 sockets come among those about IPv4, and are listed after. */

/** Bytes that are allocated at a time. */
const CHUNK = 1 << 16;
/** What is copied at most, in bytes: some 100,000 sockets without details. */
const LIMIT = 1 << 24;

/** Takes a message: `length` bytes from `offset` on in `data`. */
type Take = (data: DataView, offset: number, length: number) => void;

/** Holds messages. */
export interface MessageBuffer {
  /** Holds a message. If it is one too many, all are let go, and no more are held. */
  readonly hold: Take;
  /** Passes the messages to `take` in the order in which they came. @returns false, and passes none, if they were too many */
  release(take: Take): boolean;
}

/** Messages of one datagram or one chunk. */
interface Group {
  readonly data: DataView;
  readonly offsets: number[];
  readonly lengths: number[];
}

/**
 * Makes room for messages.
 *
 * @param copies whether the memory that they come in is used again, so that they must be copied
 */
export function messageBuffer(copies: boolean, limit: number = LIMIT): MessageBuffer {
  let groups: Group[] | undefined = [];
  let bytes = 0;
  let chunk = new Uint8Array(0);
  let end = 0;

  function groupIn(data: DataView): Group {
    const group = { data, offsets: [], lengths: [] };
    groups!.push(group);
    return group;
  }

  function copy(data: DataView, offset: number, length: number): void {
    if (end + length > chunk.length) {
      chunk = new Uint8Array(Math.max(CHUNK, length));
      end = 0;
      groupIn(new DataView(chunk.buffer));
    }
    const { offsets, lengths } = groups!.at(-1)!;
    chunk.set(new Uint8Array(data.buffer, data.byteOffset + offset, length), end);
    offsets.push(end);
    lengths.push(length);
    end += length;
  }

  function keep(data: DataView, offset: number, length: number): void {
    const last = groups!.at(-1);
    const { offsets, lengths } = last?.data === data ? last : groupIn(data);
    offsets.push(offset);
    lengths.push(length);
  }

  return {
    hold(data, offset, length) {
      if (groups === undefined) return;
      bytes += length;
      if (!copies) keep(data, offset, length);
      else if (bytes > limit) {
        groups = undefined;
        chunk = new Uint8Array(0);
      } else copy(data, offset, length);
    },
    release(take) {
      for (const { data, offsets, lengths } of groups ?? [])
        for (let index = 0; index < offsets.length; index++) take(data, offsets[index]!, lengths[index]!);
      return groups !== undefined;
    },
  };
}
