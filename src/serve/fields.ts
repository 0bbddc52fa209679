/** GET /api/fields: the columns and the words that a client can use, for completion and help. */
import type { CatalogColumn } from "../catalogue/catalog.ts";
import { once } from "../enrich/once.ts";
import { factPredicates } from "../filter/facts.ts";
import { predicates } from "../filter/predicates.ts";
import { socketColumns } from "../live/columns.ts";
import { groupWords } from "../live/groups.ts";
import { everyColumn } from "../output/columns.ts";
import { liveColumns, shownColumns } from "./columns.ts";
import { stateWords, tableWords } from "./parameters.ts";
import type { Route } from "./route.ts";
import { jsonAnswer } from "./server.ts";

/** Headings of columns that have one in ss or in `top`, by their keys. */
const headings: Readonly<Record<string, string>> = {
  netid: "Netid",
  state: "State",
  local: "Local",
  peer: "Peer",
  process: "Process",
  recvQueueBytes: "Recv-Q",
  sendQueueBytes: "Send-Q",
  "tcpInfo.rttUs": "RTT",
};

/** What the words of ss take. */
const operands = {
  src: "an address, a prefix, or either with :PORT",
  dst: "an address, a prefix, or either with :PORT",
  sport: "[OP] :PORT",
  dport: "[OP] :PORT",
  dev: "an interface",
  fwmark: "a mark, or a mark with a mask",
  cgroup: "a control group",
  autobound: "",
} as const satisfies Readonly<Record<keyof typeof predicates, string>>;

const docs: Readonly<Record<keyof typeof operands, string>> = {
  src: "own address and port",
  dst: "the peer's address and port",
  sport: "own port",
  dport: "the peer's port",
  dev: "the interface that the socket is bound to",
  fwmark: "the firewall mark of the socket",
  cgroup: "the control group of the socket",
  autobound: "whether the own port was chosen by the kernel",
};

/** The names for a column, the shortest first. */
function namesOf({ key, shorts }: CatalogColumn): readonly string[] {
  return [...shorts.filter((name) => !name.includes(".")), key].sort((a, b) => a.length - b.length);
}

function columnObject(column: CatalogColumn) {
  const { key, type, unit, doc } = column;
  const names = namesOf(column);
  return {
    name: key,
    names,
    heading: headings[key] ?? key.slice(key.lastIndexOf(".") + 1),
    type,
    ...(unit === undefined ? {} : { unit }),
    doc,
    live: false,
    shown: shownColumns.some((name) => name === key || names.includes(name)),
  };
}

/** Everything that a client can name, which never changes. */
const fields = once(() => {
  const { derived, columns } = everyColumn();
  const rates = liveColumns.map(({ name, key, unit, doc, number }) => ({
    name,
    names: [name, key],
    key,
    heading: socketColumns.find((column) => column.number === number)!.heading,
    type: "number",
    unit,
    doc,
    live: true,
    shown: shownColumns.includes(name),
  }));
  const seen = new Set<string>();
  const named = [...derived, ...columns].filter(({ key }) => !seen.has(key) && seen.add(key));
  return {
    columns: [...named.map((column) => ({ ...columnObject(column), key: column.key })), ...rates],
    filter: [
      ...Object.keys(predicates).map((word) => ({
        word,
        operands: operands[word as keyof typeof operands],
        doc: docs[word as keyof typeof operands],
      })),
      ...Object.entries(factPredicates).map(
        ([word, row]: [string, { operandName: string; doc?: string }]) => ({
          word,
          operands: `[OP] ${row.operandName}`,
          doc: row.doc ?? "",
        }),
      ),
    ],
    states: stateWords.map((word) => ({ word })),
    tables: Object.entries(tableWords).map(([word, tables]) => ({ word, doc: tables.join(", ") })),
    groups: groupWords.map((word) => ({ word })),
  };
});

/** Where the route is. */
export const FIELDS_PATH = "/api/fields";

/** The route. */
export function fieldsRoute(): Route {
  return {
    method: "GET",
    path: FIELDS_PATH,
    doc: "The columns of rows, and the words of filters, states, tables and groups.",
    access: "token",
    parameters: [],
    types: ["application/json"],
    handle: ({ request }) => jsonAnswer(request, fields()),
  };
}
