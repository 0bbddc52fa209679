/** The groups of families whose labels strangers choose: processes, peers, listeners. Each is a {@link TopGroup}. */
import { states } from "../model/state.ts";
import { TopGroup } from "./top-group.ts";

/** A bounded group: its labels, and the values of each label set. */
export interface GroupRow<Value extends string = string> {
  readonly labels: readonly string[];
  /** Values by name: where they begin among the values of a member, and how many there are. */
  readonly values: Readonly<Record<Value, readonly [at: number, count: number]>>;
  /** Label sets that have series of their own, before {@link sizesWithin} lowers it. */
  readonly size: number;
  /** What its label sets are, for the documentation. */
  readonly doc: string;
}

/** Values of one number each, one after another from `at`. */
function singles<const Value extends string>(at: number, ...names: readonly Value[]) {
  return Object.fromEntries(names.map((name, index) => [name, [at + index, 1]])) as unknown as Record<
    Value,
    readonly [number, number]
  >;
}

/** All bounded groups. */
export const groupRows = {
  process: {
    labels: ["process"],
    values: {
      sockets: [0, states.length],
      ...singles(states.length, "sent", "received", "retransmitted", "dropped", "failures"),
    },
    size: 20,
    doc: "processes by name",
  },
  peer: {
    labels: ["peer", "port", "process", "direction"],
    values: singles(0, "connections", "sent", "received", "retransmitted", "failures"),
    size: 50,
    doc: "peers with the port of the service, the local process and the direction",
  },
  listener: {
    labels: ["process", "address", "port"],
    values: singles(0, "waiting", "limit"),
    size: 50,
    doc: "listening TCP sockets by process, local address and port",
  },
} as const satisfies Readonly<Record<string, GroupRow>>;

/** The name of a bounded group. */
export type GroupName = keyof typeof groupRows;

/** The names of all bounded groups. */
export const groupNames = Object.keys(groupRows) as readonly GroupName[];

/** The groups by name. */
export type Groups = Readonly<Record<GroupName, TopGroup>>;

/** How many values a label set of a group has: the most series that it can take. */
export function widthOf({ values }: GroupRow): number {
  return Object.values(values).reduce((sum, [, count]) => sum + count, 0);
}

/** Where each value of a group begins among the values of a member. */
export function valuesAt<Value extends string>({ values }: Pick<GroupRow<Value>, "values">) {
  const rows = Object.entries<readonly [at: number, count: number]>(values);
  return Object.fromEntries(rows.map(([name, [at]]) => [name, at])) as Readonly<Record<Value, number>>;
}

/**
 * The sizes of the groups with which they take no more series than there are.
 *
 * @param series for all groups together, `other` included
 */
export function sizesWithin(series: number): Readonly<Record<GroupName, number>> {
  const rows = groupNames.map((name) => groupRows[name]);
  const fixed = rows.reduce((sum, row) => sum + widthOf(row), 0);
  const wanted = rows.reduce((sum, row) => sum + row.size * widthOf(row), 0);
  const share = Math.max(0, Math.min(1, (series - fixed) / wanted));
  return Object.fromEntries(
    groupNames.map((name) => [name, Math.floor(groupRows[name].size * share)]),
  ) as Record<GroupName, number>;
}

/** Makes the groups. @param sizes how many label sets of each have series of their own */
export function newGroups(sizes: Readonly<Record<GroupName, number>>): Groups {
  const group = (name: GroupName) => {
    const row: GroupRow = groupRows[name];
    const made = new TopGroup(sizes[name], widthOf(row), row.labels.length);
    // rate() misses what a series has when it first appears, and `other` may appear late.
    for (const [at, count] of Object.values(row.values)) if (count === 1) made.other.used[at] = 1;
    return made;
  };
  return { process: group("process"), peer: group("peer"), listener: group("listener") };
}
