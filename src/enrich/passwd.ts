/** Users by name. passwd(5). */

/** Columns of a line in /etc/passwd. */
const NAME_COLUMN = 0;
const UID_COLUMN = 2;

/** Parses a passwd file. @returns the uid of each user; the first user with a name counts */
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
