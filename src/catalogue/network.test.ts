import { expect, test } from "bun:test";
import fc from "fast-check";
import { networkOf, prefixLengths } from "./network.ts";

const cases: [address: string, inet: number, inet6: number, network: string][] = [
  ["10.1.2.3", 24, 64, "10.1.2.0/24"],
  ["10.1.255.3", 20, 64, "10.1.240.0/20"],
  ["10.1.2.3", 32, 64, "10.1.2.3/32"],
  ["10.1.2.3", 0, 64, "0.0.0.0/0"],
  ["::ffff:192.0.2.77", 24, 64, "192.0.2.0/24"],
  ["2001:db8:1:2:3:4:5:6", 24, 64, "2001:db8:1:2::/64"],
  ["2001:db8:1:2:3:4:5:6", 24, 56, "2001:db8:1::/56"],
  ["2001:db8:1:2ff:3:4:5:6", 24, 60, "2001:db8:1:2f0::/60"],
  ["2001:db8::1", 24, 128, "2001:db8:0:0:0:0:0:1/128"],
  ["fe80::1", 24, 64, "fe80::/64"],
  ["::", 24, 64, "::/64"],
  ["::1", 24, 0, "::/0"],
];

test.each(cases)("the network of %s, /%d or /%d, is %s", (address, inet, inet6, network) => {
  expect(networkOf(address, { inet, inet6 })).toBe(network);
});

test("one number is for one family, and the other has its default length", () => {
  expect(prefixLengths(24)).toEqual({ inet: 24, inet6: 64 });
  expect(prefixLengths(64)).toEqual({ inet: 32, inet6: 64 });
  expect(prefixLengths(16, 48)).toEqual({ inet: 16, inet6: 48 });
  expect(prefixLengths(129)).toBeUndefined();
  expect(prefixLengths(33, 64)).toBeUndefined();
  expect(prefixLengths(24, 129)).toBeUndefined();
});

test("addresses are in one network if and only if they begin with the same bits", () => {
  const octets = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 });
  const bits = (address: number[]) => address.map((octet) => octet.toString(2).padStart(8, "0")).join("");
  fc.assert(
    fc.property(octets, octets, fc.nat(32), (one, other, inet) => {
      const same = bits(one).slice(0, inet) === bits(other).slice(0, inet);
      const network = (address: number[]) => networkOf(address.join("."), { inet, inet6: 64 });
      expect(network(one) === network(other)).toBe(same);
    }),
  );
});
