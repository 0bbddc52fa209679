import { expect, test } from "bun:test";
import { linkProtocolName, linkProtocolNumber, linkProtocols } from "./link-protocols.ts";

test("each link protocol has one number and one name", () => {
  for (const [number, name] of linkProtocols) {
    expect(linkProtocolName(number)).toBe(name);
    expect(linkProtocolNumber(name)).toBe(number);
  }
});

test("linkProtocolNumber() ignores case and accepts ipv4 for ip", () => {
  expect(linkProtocolNumber("IPv4")).toBe(0x0800);
  expect(linkProtocolNumber("lldp")).toBe(0x88cc);
  expect(linkProtocolNumber("802.1q")).toBe(0x8100);
  expect(linkProtocolNumber("nosuch")).toBeUndefined();
  expect(linkProtocolName(0xffff)).toBeUndefined();
});
