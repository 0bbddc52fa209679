import { expect, test } from "bun:test";
import { factsNeeded } from "./needs.ts";
import { parseFilter } from "./parser.ts";

function needs(text: string): string {
  const lookups = {
    port: () => undefined,
    interfaceIndex: () => 1,
    netlinkProtocol: () => 0,
    cgroupId: () => 1n,
    knowsCgroups: () => true,
  };
  const context = { tables: new Set([]), preferred: undefined, lookups };
  return [...factsNeeded(parseFilter({ args: [text] }, context).filter!)].sort().join(" ");
}

test.each([
  ["src 1.2.3.4", "address name word"],
  ["src :80", "port"],
  ["src *", ""],
  ["src name:80", "address name port word"],
  ["src unix:x", "name"],
  ["sport = unix:x", "name port"],
  ["dport 80", "port"],
  ["src netlink:rtnl:5", "port word"],
  ["dev lo or not fwmark 1", "interfaceIndex mark"],
  ["cgroup /x and ( dev lo or cgroup /y )", "cgroupId interfaceIndex"],
  ["autobound", "name port portRange word"],
])("factsNeeded() of %s", (text, expected) => {
  expect(needs(text)).toBe(expected);
});
