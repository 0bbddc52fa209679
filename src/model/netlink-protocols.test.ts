import { expect, test } from "bun:test";
import { netlinkProtocolNumber, netlinkProtocols } from "./netlink-protocols.ts";

test("each name of a netlink protocol has its number", () => {
  for (const [number, name] of netlinkProtocols) {
    expect(netlinkProtocolNumber(name)).toBe(number);
  }
});

test("names are case-sensitive, and number 17 has none", () => {
  expect(netlinkProtocolNumber("RTNL")).toBeUndefined();
  expect(netlinkProtocols.some(([number]) => (number as number) === 17)).toBe(false);
});
