/** Users by name. passwd(5). */

/** Columns of a line of /etc/passwd. */
const NAME_COLUMN = 0;
const UID_COLUMN = 2;

/** The uid of each user that a passwd file has; of two of the same name the first one counts. */
export function parseUsers(passwd: string): ReadonlyMap<string, number> {
  const users = new Map<string, number>();
  for (const line of passwd.split("\n")) {
    const columns = line.split(":");
    const name = columns[NAME_COLUMN]!;
    const uid = columns[UID_COLUMN];
    if (uid !== undefined && /^\d+$/.test(uid) && !users.has(name)) users.set(name, Number(uid));
  }
  return users;
}
