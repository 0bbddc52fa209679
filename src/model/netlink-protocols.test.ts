import { expect, test } from "bun:test";
import { netlinkProtocolName, netlinkProtocolNumber, netlinkProtocols } from "./netlink-protocols.ts";

test("each netlink protocol has one number and one name", () => {
  for (const [number, name] of netlinkProtocols) {
    expect(netlinkProtocolName(number)).toBe(name);
    expect(netlinkProtocolNumber(name)).toBe(number);
  }
});

test("case counts, and number 17 has no name", () => {
  expect(netlinkProtocolNumber("RTNL")).toBeUndefined();
  expect(netlinkProtocolName(17)).toBeUndefined();
});
