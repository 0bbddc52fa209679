/** Names of users by their uid. passwd(5). */

import type { Files } from "../host/host.ts";
import { parseUsers } from "./passwd.ts";

const decoder = new TextDecoder();

function readNames(files: Files): ReadonlyMap<number, string> {
  let text = "";
  try {
    text = decoder.decode(files.read("/etc/passwd"));
  } catch {
    // Users without the file have no names.
  }
  // The first user with a uid counts.
  return new Map(Array.from(parseUsers(text), ([name, uid]) => [uid, name] as const).reverse());
}

/** Makes a function that gives the name of a user. It reads /etc/passwd at its first call. */
export function userNames(files: Files): (uid: number) => string | undefined {
  let names: ReadonlyMap<number, string> | undefined;
  return (uid) => {
    names ??= readNames(files);
    return names.get(uid);
  };
}

/** The home directory of a user, from /etc/passwd; undefined if the user is not in it. @param uid in decimal */
export function homeOf(files: Files, uid: string): string | undefined {
  try {
    const lines = decoder.decode(files.read("/etc/passwd")).split("\n");
    return lines.map((line) => line.split(":")).find((columns) => columns[2] === uid)?.[5];
  } catch {
    return undefined;
  }
}
