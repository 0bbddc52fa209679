import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { HostListError, readHosts, readHostsFile, writeHosts } from "./host-list.ts";

describe("readHosts()", () => {
  test.each([
    ["web1", ["web1"]],
    ["web1,db[1-3]", ["web1", "db1", "db2", "db3"]],
    ["r[1-2]n[1,3]", ["r1n1", "r1n3", "r2n1", "r2n3"]],
    ["n[08-11].lan", ["n08.lan", "n09.lan", "n10.lan", "n11.lan"]],
    ["root@web1, web1 ,web1", ["root@web1", "web1"]],
    ["10.0.0.[1-2],2001:db8::1,[fe80::1%eth0]", ["10.0.0.1", "10.0.0.2", "2001:db8::1", "[fe80::1%eth0]"]],
    ["", []],
  ])("%s", (list, hosts) => {
    expect(readHosts(list)).toEqual(hosts);
  });

  test.each([
    "-oProxyCommand=x",
    "web1,-t",
    "a b[",
    "x]",
    "[1-",
    "db[3-1]",
    "db[a]",
    "db[]",
    "a;b",
    "$(x)",
    "a\u001b",
    "h[1-99999]",
    "r[0-999]n[0-999]",
    "a@-b",
  ])("refuses %p", (list) => {
    expect(() => readHosts(list)).toThrow(HostListError);
  });

  test("no name that it accepts is an option or text for a shell", () => {
    fc.assert(
      fc.property(fc.string(), (list) => {
        let hosts: readonly string[] = [];
        try {
          hosts = readHosts(list);
        } catch (error) {
          expect(error).toBeInstanceOf(HostListError);
        }
        for (const host of hosts) expect(host).toMatch(/^[\w[:][\w.:%\]@-]*$/);
      }),
    );
  });
});

test("readHostsFile() reads lists on lines, and skips comments", () => {
  expect(readHostsFile("# the web\nweb[1-2]\n\ndb1 # the database\n")).toEqual(["web1", "web2", "db1"]);
});

describe("writeHosts()", () => {
  test.each([
    [["web1"], "web1"],
    [["db3", "db1", "db2", "web1", "db7"], "db[1-3,7],web1"],
    [["n08", "n09", "n10"], "n[08-09],n10"],
    [["a", "b"], "a,b"],
    [["10.0.0.1", "10.0.0.2", "2001:db8::1"], "10.0.0.[1-2],2001:db8::1"],
  ])("%j", (hosts, list) => {
    expect(writeHosts(hosts)).toBe(list);
  });

  test("readHosts() gives the same hosts again", () => {
    const host = fc.tuple(fc.constantFrom("web", "db-", "r1n"), fc.nat(2000), fc.constantFrom("", ".lan"));
    fc.assert(
      fc.property(
        fc.uniqueArray(
          host.map((parts) => parts.join("")),
          { maxLength: 30 },
        ),
        (hosts) => {
          expect([...readHosts(writeHosts(hosts))].sort()).toEqual([...hosts].sort());
        },
      ),
    );
  });
});
