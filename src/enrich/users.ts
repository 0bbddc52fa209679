/** Names of users by their uid. passwd(5). */

import type { Files } from "../host/host.ts";
import { parseUsers } from "./passwd.ts";

const decoder = new TextDecoder();

function readNames(files: Files): ReadonlyMap<number, string> {
  let text = "";
  try {
    text = decoder.decode(files.read("/etc/passwd"));
  } catch {
    // Without the file, users have no names.
  }
  // Of two users of the same uid the first one counts.
  return new Map(Array.from(parseUsers(text), ([name, uid]) => [uid, name] as const).reverse());
}

/** Makes the function that gives a user's name; the file of users is read when it is first called. */
export function userNames(files: Files): (uid: number) => string | undefined {
  let names: ReadonlyMap<number, string> | undefined;
  return (uid) => {
    names ??= readNames(files);
    return names.get(uid);
  };
}
