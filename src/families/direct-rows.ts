/** Rows that are written straight from the kernel's messages. */
import type { DiagMessage } from "../diag/message.ts";

/** Writes the rows of one socket table straight from the kernel's messages, without views. */
export interface DirectRows<S extends DiagMessage> {
  /**
   * Writes the row of a message in the room (`bytes/room.ts`), if it has nothing rare in it.
   *
   * @param offset where its fixed struct begins in the room; a multiple of 4
   * @param length bytes of the message from there on, at least those of that struct
   * @returns whether it did; if not, nothing was written, and {@link DirectRows.write} can
   */
  put(offset: number, length: number): boolean;
  /** Writes the row of any socket of the table. */
  write(socket: S): void;
}
