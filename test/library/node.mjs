/** The library as a Node program uses it: the built package, against the executable in the same moment. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { sockets } from "sockscope";

const root = join(import.meta.dirname, "../..");
const executable = join(root, "dist/sockscope");

test("sockets() gives what the executable prints, for every inet recording of the corpus", () => {
  for (const name of ["tcp-states", "udp", "tcp-info-values", "addresses", "mixed-500"]) {
    const replay = join(root, "test/fixtures", name);
    const printed = JSON.parse(
      execFileSync(executable, ["--replay", replay, "-tuanim", "--json"], { encoding: "utf8" }),
    );
    const listed = [...sockets({ replay, tables: ["tcp", "udp"], info: true, memory: true })];
    // The names of interfaces are the executable's to look up.
    for (const { local } of printed) delete local.interface;
    assert.deepEqual(JSON.parse(JSON.stringify(listed)), printed);
    assert.notEqual(listed.length, 0);
  }
});

test("a view stays what it is while others are read", () => {
  const replay = join(root, "test/fixtures/tcp-info-values");
  const [first, ...others] = sockets({ replay, tables: ["tcp"], info: true });
  const before = JSON.stringify(first);
  for (const other of others) other.toJSON();
  assert.equal(JSON.stringify(first), before);
});

test("a state that is none is a RangeError", () => {
  assert.throws(() => [...sockets({ states: ["sleeping"] })], RangeError);
});
