/** What lsof shows of each file, as text: the one source of its table, its fields and its JSON. */
import { escapeText } from "../../../bytes/terminal.ts";
import type { LsofFile } from "./files.ts";
import { fileDevice, fileName, fileQueues, fileState, fileType, type NameStyle } from "./names.ts";
import { type PrintStyle, printable } from "./printable.ts";
import type { LsofProcess } from "./process.ts";
import type { LsofSettings } from "./settings.ts";

/** A file as text. */
export interface Row {
  readonly file: LsofFile;
  readonly process: LsofProcess;
  /** Name of the command, as the COMMAND column has it. */
  readonly command: string;
  readonly user: string;
  readonly type: string;
  readonly device: string;
  /** TCP or UDP, the inode of a UNIX socket. */
  readonly node: string;
  /** The name without TCP information. */
  readonly name: string;
  readonly state: string | undefined;
  readonly queues: { readonly read: number; readonly send: number } | undefined;
  /** The flags of the descriptor as open(2) has them, where they are shown. */
  readonly flags: number | undefined;
  /** Where it is shown: the container of the process. */
  readonly container: string | undefined;
  /** With all network namespaces: that of the socket. */
  readonly netns: string | undefined;
}

/** What the cells of a process are made with. */
export interface ProcessContext {
  readonly settings: LsofSettings;
  readonly print: PrintStyle;
  /** The login name of a user. */
  user(uid: number): string | undefined;
}

/** What rows are made with. */
export interface RowContext extends ProcessContext {
  readonly style: NameStyle;
  flags(file: LsofFile): number | undefined;
  container(file: LsofFile): string | undefined;
  netns(file: LsofFile): string | undefined;
}

/** Columns of a command name that is shown whole. */
const ALL = Number.POSITIVE_INFINITY;
const FEWEST = 7;

/** The cells of a process. */
export interface ProcessText {
  readonly command: string;
  readonly user: string;
}

/** Makes the cells of a process. */
export function processText(
  { name, uid }: LsofProcess,
  { settings, print, user }: ProcessContext,
): ProcessText {
  const { commandWidth, userNames } = settings;
  const limit = commandWidth === 0 ? ALL : Math.max(commandWidth, FEWEST);
  const login = userNames && uid !== undefined ? user(uid) : undefined;
  const style = { ...print, blanks: true };
  // A character that does not fit leaves blanks, which count as part of the name.
  const width = Math.min(printable(name, style).length, limit);
  return {
    command: printable(name, style, limit).padEnd(width),
    user: login === undefined ? String(uid ?? "") : escapeText(login),
  };
}

/** Makes the row of each file. */
export function rowsOf(files: readonly LsofFile[], context: RowContext): Row[] {
  const { style } = context;
  const texts = new Map<LsofProcess, ProcessText>();
  return files.map((file): Row => {
    const { process } = file;
    let text = texts.get(process);
    if (text === undefined) {
      text = processText(process, context);
      texts.set(process, text);
    }
    return {
      file,
      process,
      ...text,
      type: fileType(file),
      device: fileDevice(file),
      node: file.kind === "internet" ? file.protocol : String(file.socket.inode),
      name: fileName(file, style),
      state: fileState(file),
      queues: fileQueues(file),
      flags: context.flags(file),
      container: context.container(file),
      netns: context.netns(file),
    };
  });
}
