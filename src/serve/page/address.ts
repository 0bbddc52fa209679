/**
 * What the address bar holds: the whole view, in the fragment, which browsers send to nobody. A link that is sent to a
 * colleague with access to the same server shows the same.
 */

/** The tabs, in their order. */
export const tabs = ["sockets", "map", "doctor", "events"] as const;

/** A tab. */
export type Tab = (typeof tabs)[number];

/** The view. */
export interface View {
  readonly tab: Tab;
  /** Filter, in the language of the command line. */
  readonly filter: string;
  /** Words of the socket tables, separated by commas; empty for those of IP. */
  readonly tables: string;
  /** Words of the states, separated by commas; empty for all. */
  readonly state: string;
  /** Column to sort by, with `-` before it for largest first. */
  readonly sort: string;
  /** Keys of the columns, separated by commas; empty for the default ones. */
  readonly columns: string;
  /** The open row; empty if none is. */
  readonly open: string;
  /** A past moment, as ISO 8601; empty for now. With {@link View.from}, the end of a span. */
  readonly at: string;
  /** The beginning of a span of the past, as ISO 8601; empty for a moment. */
  readonly from: string;
  /** How long the time line is, in seconds: a number as text; empty if it is closed. */
  readonly span: string;
  /** What the nodes of the map are on this host, and on the other side. */
  readonly by: string;
  readonly peer: string;
  /** Whose map: `others` for that of --map-hosts, empty for that of this host. */
  readonly hosts: string;
}

/** The view of an empty address. */
export const defaultView: View = {
  tab: "sockets",
  filter: "",
  tables: "",
  state: "",
  sort: "-rate",
  columns: "",
  open: "",
  at: "",
  from: "",
  span: "",
  by: "process",
  peer: "peer",
  hosts: "",
};

/** Longest value that is taken from an address. */
const LONGEST = 4096;

/** The view of a fragment, with or without its `#`. Unknown parts are ignored. */
export function readView(fragment: string): View {
  const parts = new URLSearchParams(fragment.replace(/^#/, ""));
  const view: Record<string, string> = { ...defaultView };
  for (const key of Object.keys(defaultView)) {
    const value = parts.get(key);
    if (value !== null && value.length <= LONGEST) view[key] = value;
  }
  const tab = tabs.find((each) => each === view["tab"]) ?? defaultView.tab;
  return { ...(view as unknown as View), tab };
}

/** A fragment with its `#`; empty if it has no parts. */
function fragmentOf(parts: URLSearchParams): string {
  return parts.size === 0 ? "" : `#${parts}`;
}

/** The fragment of a view, with its `#`. Parts with their default values are left out, and nothing is left of the default view. */
export function writeView(view: View): string {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(view))
    if (value !== defaultView[key as keyof View]) parts.set(key, value);
  return fragmentOf(parts);
}

/** The token of a fragment, and the fragment without it. */
export function takeToken(fragment: string): { readonly token: string | undefined; readonly rest: string } {
  const parts = new URLSearchParams(fragment.replace(/^#/, ""));
  const token = parts.get("token") ?? undefined;
  parts.delete("token");
  return { token, rest: fragmentOf(parts) };
}
