import { expect, test } from "bun:test";
import { DecodeError, NetlinkError } from "../netlink/errors.ts";
import type { Problem } from "../query/query.ts";
import { withStatus } from "./report.ts";

const refused: Problem = {
  kind: "refused",
  dump: "unix",
  error: new NetlinkError("dump", 5),
  partial: true,
};
const undecodable: Problem = { kind: "undecodable", dump: "tcp", error: new DecodeError("nlmsghdr", 0, "") };
const noSocket: Problem = { kind: "socket", error: new NetlinkError("socket", 24) };
const leftOut: Problem = {
  kind: "namespace",
  problem: { what: "entries", count: 1, cause: new NetlinkError("setns", 1) },
};
const stale: Problem = { kind: "namespace", problem: { what: "stale", name: "gone" } };

test.each<
  [format: "table" | "json" | "csv", allNetns: boolean, problem: Problem, said: boolean, status: number]
>([
  ["table", false, refused, true, 0],
  ["json", false, refused, true, 1],
  ["csv", false, refused, true, 1],
  // A table that this kernel does not have is not mentioned, and no loss.
  ["json", false, refused, false, 0],
  ["table", false, undecodable, true, 1],
  ["table", false, noSocket, true, 0],
  ["table", true, noSocket, true, 1],
  ["table", true, leftOut, true, 1],
  ["json", true, stale, true, 0],
])(
  "%s, all namespaces: %p, %j, mentioned: %p: exit status %i",
  (format, allNetns, problem, said, expected) => {
    const { report, status } = withStatus(() => said, { format, allNetns });
    report(problem);
    expect(status()).toBe(expected);
  },
);
