import { expect, test } from "bun:test";
import { filterReport } from "../cli/filter-report.ts";
import { FilterError } from "./errors.ts";
import type { FilterContext } from "./reading.ts";
import { type HostResolver, readFilter } from "./resolve.ts";
import { predicatesOf } from "./tree.ts";

const context: FilterContext = {
  tables: new Set(["tcp"]),
  preferred: undefined,
  lookups: {
    port: () => undefined,
    interfaceIndex: () => undefined,
    netlinkProtocol: () => undefined,
    cgroupId: () => "",
    knowsCgroups: () => true,
  },
};

function resolver(queries: unknown[] = []): HostResolver {
  return {
    addresses: async (name, family) => {
      queries.push([name, family]);
      return name.startsWith("no") ? [] : [Uint8Array.of(192, 0, 2, name.length)];
    },
  };
}

async function report(text: string): Promise<string> {
  return await readFilter({ args: [text] }, context, resolver()).then(
    () => "",
    (error: FilterError) => filterReport(error, "ss").text.split("\n")[0]!,
  );
}

test("readFilter() gives each name its addresses, and leaves everything else alone", async () => {
  const queries: unknown[] = [];
  const { filter } = await readFilter(
    { args: ["( src a or not dst inet6:bb:5 ) and sport 80 autobound"] },
    context,
    resolver(queries),
  );
  expect(queries).toEqual([
    ["a", undefined],
    ["bb", 10],
  ]);
  const operands = [...predicatesOf(filter!)].map(({ operand }) => operand);
  expect(operands).toMatchObject([
    { name: "a", addresses: [Uint8Array.of(192, 0, 2, 1)], port: -1 },
    { name: "bb", addresses: [Uint8Array.of(192, 0, 2, 2)], port: 5 },
    { kind: "inet", port: 80 },
    undefined as never,
  ]);
  expect(filter).toMatchObject({
    kind: "and",
    left: { kind: "and", left: { kind: "or", right: { kind: "not" } } },
  });
});

test("readFilter() reports the first mistake from the left, whether syntax or a name", async () => {
  const syntax = 'ss: bison bellows (while parsing filter): "syntax error!" Sorry.';
  const unknown = 'Error: an inet prefix is expected rather than "no.such".';
  expect(await report("src no.such or or")).toBe(unknown);
  expect(await report("src no.such or dev zz")).toBe(unknown);
  expect(await report("src fine or dev zz or src no.such")).toBe("Cannot parse device.");
  expect(await report("src fine or or src no.such")).toBe(syntax);
  expect(await report("src fine or src no.such")).toBe(unknown);
});

test("readFilter() reports the position of the bad name", async () => {
  const error = await readFilter({ args: ["src fine or src no.such:80"] }, context, resolver()).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FilterError);
  expect(error).toMatchObject({ kind: "address", offset: 16, length: 10, text: "no.such" });
});

test("readFilter() returns no filter for an empty source", async () => {
  expect((await readFilter({ args: [] }, context, resolver())).filter).toBeUndefined();
});
