/** The file that has the tokens: where stdout is a log, and for Prometheus and scripts. */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openNewFile } from "../host/output-file.ts";
import { systemMessage } from "../native/errno.ts";
import { ListenError } from "./listen.ts";
import { isToken, newToken } from "./token.ts";

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const MODE = 0o600;
const OTHERS = 0o077;
const MOST_BYTES = 2048;

/** The tokens of a server. */
export interface Tokens {
  readonly token: string;
  /** The second token, for changes. */
  readonly kill: string;
}

/** New tokens. */
export function newTokens(): Tokens {
  return { token: newToken(), kill: newToken() };
}

/** The folder of a token file that nobody named: only we can enter it. @throws ListenError */
function ownFolder(env: Readonly<Record<string, string | undefined>>): string {
  const isRoot = process.geteuid?.() === 0;
  const parent = isRoot ? "/run" : (env["RUNTIME_DIRECTORY"] ?? env["XDG_RUNTIME_DIR"] ?? tmpdir());
  const folder = join(parent, isRoot ? "sockscope" : `sockscope-${process.geteuid?.()}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    if (!found.isDirectory() || found.uid !== process.geteuid?.() || (found.mode & OTHERS) !== 0)
      throw new ListenError(`other users can enter ${folder}: name a file with --token-file`);
  } catch (error) {
    if (error instanceof ListenError) throw error;
    throw new ListenError(`cannot make the folder ${folder}: ${systemMessage(error)}`);
  }
  return folder;
}

function write(path: string, tokens: Tokens, withKill: boolean): void {
  const fd = openNewFile(path);
  try {
    fchmodSync(fd, MODE);
    writeSync(fd, `${tokens.token}\n${withKill ? `${tokens.kill}\n` : ""}`);
  } finally {
    closeSync(fd);
  }
}

/**
 * Writes the tokens to a file that nobody named.
 *
 * @param name distinguishes servers
 * @returns its path
 * @throws ListenError
 */
export function writeTokens(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  tokens: Tokens,
  withKill: boolean,
): string {
  const path = join(ownFolder(env), `${name}.token`);
  try {
    // What a killed server has left: nobody else can write in the folder.
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) unlinkSync(path);
    write(path, tokens, withKill);
  } catch (error) {
    throw new ListenError(`cannot write ${path}: ${systemMessage(error)}`);
  }
  return path;
}

/** Reads the lines of a token file. @throws ListenError if others can read it, or it is not a file of ours */
function readLines(path: string): readonly string[] {
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) throw new ListenError(`${path} is not a file`);
    if (found.uid !== process.geteuid?.() && found.uid !== 0)
      throw new ListenError(`${path} belongs to another user`);
    if ((found.mode & OTHERS) !== 0) throw new ListenError(`other users can read ${path}: chmod 600 it`);
    const bytes = Buffer.alloc(MOST_BYTES);
    return bytes.toString("latin1", 0, readSync(fd, bytes, 0, MOST_BYTES, 0)).split("\n");
  } finally {
    closeSync(fd);
  }
}

/**
 * The tokens of `--token-file`: those of the file, or new ones, which it keeps from then on.
 *
 * @throws ListenError
 */
export function keptTokens(path: string, withKill: boolean): Tokens {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
      const tokens = newTokens();
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      write(path, tokens, withKill);
      return tokens;
    }
    const [token = "", kill = ""] = readLines(path);
    if (!isToken(token))
      throw new ListenError(`${path} has no token in its first line: remove it to get a new one`);
    if (withKill && !isToken(kill))
      throw new ListenError(`${path} has no second token, for --allow-kill: remove it to get new ones`);
    return { token, kill };
  } catch (error) {
    if (error instanceof ListenError) throw error;
    throw new ListenError(`cannot use ${path}: ${systemMessage(error)}`);
  }
}
