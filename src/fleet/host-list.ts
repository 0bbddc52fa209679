/**
 * Lists of hosts, as people write them: names separated by commas, with ranges of numbers in brackets, such as
 * `web1,db[1-9],rack[01-12]n[1,3]`. And back: many names as the shortest such list.
 */

/** A list of hosts that cannot be read. */
export class HostListError extends RangeError {
  override readonly name = "HostListError";
  /** Tells this error from others. */
  readonly code = "hostList";
}

/** Most hosts of one list. More is a typing error, such as `[1-1000000]`. */
export const MOST_HOSTS = 20_000;

/**
 * What a host may be called: a name or an address, with a user before `@`. It cannot begin with `-`, which ssh would
 * take for an option, and has no character that a shell or a configuration file treats specially.
 */
const HOST = /^(?:[A-Za-z0-9_][\w.-]*@)?[A-Za-z0-9_:[][\w.:%\]-]*$/;

/** The parts of a list: separated by commas and blanks that are not in brackets. */
function parts(list: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at <= list.length; at++) {
    const character = list[at];
    if (character === "[") depth++;
    else if (character === "]") depth--;
    if (depth < 0) throw new HostListError(`"${list}" has a ] without a [`);
    const ends = character === undefined || (depth === 0 && /[,\s]/.test(character));
    if (!ends) continue;
    if (at > from) found.push(list.slice(from, at));
    from = at + 1;
  }
  if (depth > 0) throw new HostListError(`"${list}" has a [ without a ]`);
  return found;
}

/** The numbers of one bracket: `1-3,07`, with the zeros that they begin with. */
function numbers(text: string, name: string): string[] {
  return text.split(",").flatMap((each) => {
    const range = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(each);
    if (range === null)
      throw new HostListError(`"${each}" in "${name}" is not a number or a range, such as 1-9`);
    const [, first, last = first] = range as unknown as [string, string, string | undefined];
    const [low, high] = [Number(first), Number(last)];
    if (high < low) throw new HostListError(`the range ${each} in "${name}" goes backwards`);
    if (high - low >= MOST_HOSTS) throw new HostListError(`the range ${each} in "${name}" is too long`);
    return Array.from({ length: high - low + 1 }, (_, index) =>
      String(low + index).padStart(first.length, "0"),
    );
  });
}

/** The names that one part of a list stands for. A bracket with colons is an IPv6 address. */
function expand(name: string): string[] {
  let names = [""];
  for (const [piece, inner] of name.matchAll(/\[([^\]:]*)\]|[^[]+|\[/g)) {
    const ends = inner === undefined ? [piece] : numbers(inner, name);
    if (names.length * ends.length > MOST_HOSTS)
      throw new HostListError(`"${name}" is more than ${MOST_HOSTS} hosts`);
    names = names.flatMap((begin) => ends.map((end) => begin + end));
  }
  return names;
}

/**
 * The hosts of a list, each once, in its order.
 *
 * @throws HostListError for a range that cannot be read, for a name that cannot be a host's, and for too many
 */
export function readHosts(list: string): readonly string[] {
  const hosts = new Set<string>();
  for (const part of parts(list)) {
    for (const host of expand(part)) {
      if (!HOST.test(host)) throw new HostListError(`"${host}" cannot be the name of a host`);
      hosts.add(host);
      if (hosts.size > MOST_HOSTS) throw new HostListError(`the list is more than ${MOST_HOSTS} hosts`);
    }
  }
  return [...hosts];
}

/** The hosts of a file: a list on each line; `#` begins a comment. @throws HostListError see {@link readHosts} */
export function readHostsFile(text: string): readonly string[] {
  return readHosts(text.replace(/#.*$/gm, "").split("\n").join(" "));
}

/** A name in pieces around its last number; undefined if there is none. */
function numbered(host: string): { readonly key: string; readonly digits: string } | undefined {
  const found = /^(.*?)(\d{1,9})(\D*)$/.exec(host);
  if (found === null || host.includes(":")) return undefined;
  const [, head, digits, tail] = found as unknown as [string, string, string, string];
  // Numbers with zeros before them form a range only with numbers of the same length.
  const width = digits.startsWith("0") ? digits.length : 0;
  return { key: JSON.stringify([head, tail, width]), digits };
}

/** Numbers in order as ranges: `1-3,7`. */
function ranges(digits: readonly string[]): string {
  const sorted = digits.toSorted((a, b) => Number(a) - Number(b));
  const found: string[] = [];
  for (let from = 0; from < sorted.length; ) {
    let to = from;
    while (to + 1 < sorted.length && Number(sorted[to + 1]) === Number(sorted[to]) + 1) to++;
    found.push(to === from ? sorted[from]! : `${sorted[from]}-${sorted[to]}`);
    from = to + 1;
  }
  return found.join(",");
}

/** Hosts as a list with ranges, which {@link readHosts} reads: `db[1-3],web1`. Names keep the order of their first. */
export function writeHosts(hosts: Iterable<string>): string {
  const groups = new Map<string, string[]>();
  for (const host of hosts) {
    const { key, digits } = numbered(host) ?? { key: host, digits: "" };
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [digits]);
    else group.push(digits);
  }
  return Array.from(groups, ([key, digits]) => {
    if (digits[0] === "") return key;
    const [head, tail] = JSON.parse(key) as [string, string, number];
    const unique = [...new Set(digits)];
    return unique.length === 1 ? `${head}${unique[0]}${tail}` : `${head}[${ranges(unique)}]${tail}`;
  }).join(",");
}
