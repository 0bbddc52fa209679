/** Validates every object of the corpus against the schema, and checks that the schema rejects wrong objects. */

import { expect, test } from "bun:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { socketSchema } from "../../src/catalogue/schema.ts";
import { optionsOf } from "../../src/cli/options.ts";
import { fixtureNames, readCases } from "../golden/cases.ts";
import { replay } from "../golden/replay.ts";

const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: false });
const validate = ajv.compile(socketSchema(optionsOf));

/** The objects of a command line with --ndjson; empty if it prints something else. */
async function objectsOf(fixture: string, golden: ReturnType<typeof readCases>[number]): Promise<unknown[]> {
  const args = ["--ndjson", ...golden.args];
  const { stdout } = await replay(fixture, { ...golden, args });
  const text = Buffer.from(stdout, "latin1").toString("utf8");
  const lines = text.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line)).filter((object) => !("summary" in object));
}

test.each(fixtureNames())("every socket of %s matches the schema", async (fixture) => {
  for (const golden of readCases(fixture)) {
    // -D writes the kernel's raw answers to standard output.
    if (golden.args.some((arg) => arg.startsWith("-D"))) continue;
    for (const object of await objectsOf(fixture, golden)) {
      if (validate(object)) continue;
      throw new Error(`${golden.id}: ${JSON.stringify({ object, errors: validate.errors })}`);
    }
  }
});

test("the corpus has sockets of every kind", async () => {
  const netids = new Set<string>();
  const all = ["-a", "-A", "all,tipc", "-iemp"];
  for (const fixture of ["mixed-500", "long-options"]) {
    const golden = { ...readCases(fixture)[0]!, args: all, env: {} };
    for (const object of await objectsOf(fixture, golden)) netids.add((object as { netid: string }).netid);
  }
  expect([...netids].sort()).toEqual(
    [
      "dccp",
      "mptcp",
      "netlink",
      "packet",
      "raw",
      "sctp",
      "tcp",
      "tipc",
      "udp",
      "unix",
      "vsock",
      "xdp",
    ].sort(),
  );
});

const socket = { netid: "tcp", family: "inet", state: "ESTAB", tcpInfo: { rttUs: 5 } };

test("the schema rejects wrong documents", () => {
  expect(validate(socket)).toBe(true);
  expect(validate({ ...socket, state: "unknown(77)" })).toBe(true);
  expect(validate({ ...socket, surprise: 1 })).toBe(false);
  expect(validate({ ...socket, netid: "unix" })).toBe(false);
  expect(validate({ ...socket, state: "ESTABLISHED" })).toBe(false);
  expect(validate({ ...socket, tcpInfo: { rttUs: "5" } })).toBe(false);
  expect(validate({ ...socket, tcpInfo: { rtt: 5 } })).toBe(false);
  expect(validate({ ...socket, cookie: 5 })).toBe(false);
  expect(validate({ ...socket, processes: [{ pid: 1, fd: 3, comm: "x", shell: "sh" }] })).toBe(false);
  expect(validate({ family: "inet" })).toBe(false);
});

test("a document is an array of sockets", () => {
  const document = ajv.compile({ $ref: "urn:sockscope:schema:1.0#/$defs/document" });
  expect(document([socket, socket])).toBe(true);
  expect(document(socket)).toBe(false);
});
