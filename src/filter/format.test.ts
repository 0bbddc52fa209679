import { expect, test } from "bun:test";
import { AF_INET6, AF_UNIX } from "../model/family.ts";
import { formatFilter } from "./format.ts";
import { parseFilter } from "./parser.ts";

const lookups = {
  port: (service: string) => (service === "http" ? 80 : undefined),
  interfaceIndex: () => 3,
  netlinkProtocol: (name: string) => (name === "rtnl" ? 0 : undefined),
  cgroupId: () => 1n,
  knowsCgroups: () => true,
};

function formatted(text: string, preferred?: number): string {
  const context = { tables: new Set(["tcp"] as const), preferred, lookups };
  return formatFilter(parseFilter({ args: [text] }, context).filter!, preferred);
}

test.each([
  ["src 10/8", "src = 10.0.0.0/8"],
  ["dst [2001:db8::1/128]:http", "dst = [2001:db8::1]:80"],
  ["dst ::/0", "dst = [::/0]"],
  ["src :", "src = *"],
  ["src *:80", "src = *:80"],
  ["src host", "src = host:*"],
  ["src inet:and", "src = inet:and:*"],
  ["sport ge :http", "sport >= 80"],
  ["sport \\", "sport = *"],
  ["src unix:a\\ \\\\*", "src = unix:a\\ \\\\*"],
  ["src unix: or src x", "src = unix: or src = unix:x"],
  ["src unix:x or sport inet:5 or src 1", "src = unix:x or sport = inet:5 or src = 1.0.0.0"],
  ["src link:ip:lo", "src = link:2048:3"],
  ["sport netlink:kernel", "sport = netlink:0"],
  ["src vsock::5", "src = vsock:*:5"],
  ["dev ne lo", "dev != 3"],
  ["fwmark 1/0xff", "fwmark = 0x1/0xff"],
  ["cgroup a\\ b", "cgroup = a\\ b"],
  ["! autobound & autobound", "not autobound and autobound"],
  ["autobound autobound or autobound", "autobound and autobound or autobound"],
  ["autobound or ( autobound ( autobound ) )", "autobound or ( autobound and autobound )"],
  ["! ( autobound or autobound )", "not ( autobound or autobound )"],
  ["! ! ( autobound )", "not not autobound"],
])("formatFilter() of %s", (text, expected) => {
  expect(formatted(text)).toBe(expected);
  expect(formatted(expected)).toBe(expected);
});

test("formatFilter() writes for a parser with a preferred family", () => {
  expect(formatted("src inet:1.2.3.4", AF_INET6)).toBe("src = inet:1.2.3.4");
  expect(formatted("src [::1]", AF_INET6)).toBe("src = [::1]");
  expect(formatted("sport = 5", AF_UNIX)).toBe("sport = unix:5");
});
