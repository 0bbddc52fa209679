/** What a family of sockets adds to the pipeline. Each has a folder, whose index.ts puts it together. */
import type { DiagMessage } from "../diag/message.ts";
import type { Netns } from "../host/namespaces.ts";
import type { DumpName } from "../model/selection.ts";
import type { Names, Style } from "../table/style.ts";
import type { Table } from "../table/table.ts";
import type { DirectRows } from "./direct-rows.ts";
import type { FamilyDump } from "./family-dump.ts";
import type { FilterSubject } from "./filter-subject.ts";

/** A family of sockets. */
export interface Family<S extends DiagMessage> {
  /** How one request lists it; undefined for inet, whose tables have a request each. */
  readonly dump?: FamilyDump<S>;
  /** The view of a message, for a family without `dump`. */
  readonly View?: FamilyDump<S>["View"];
  /** The socket as a filter reads it; valid until the next call. */
  readonly subject: (socket: S) => FilterSubject;
  /** Writes the row of a socket in ss's table. */
  writeRow(table: Table, socket: S, style: Style, names: Names): void;
  /** Makes a function that hides attributes which were requested for a filter only. @param extensions INET_DIAG_EXT */
  hideAttributes?(extensions: number): (socket: S) => S;
  /**
   * Makes what writes rows straight from messages, if the code for them is part of the family.
   *
   * @returns a function that begins a socket table, and gives undefined for one that has only rows from views;
   *   undefined if the columns or the style need views
   */
  direct?(
    table: Table,
    style: Style,
    names: Names,
  ): ((name: DumpName, netns?: Netns) => DirectRows<S> | undefined) | undefined;
}
