import { expect, test } from "bun:test";
import type { Host } from "../host/host.ts";
import { blankDraft, type Draft } from "./draft.ts";
import { chooseTable, nothingChosen } from "./select.ts";
import { withSummary } from "./summary.ts";
import type { World } from "./world.ts";

const host = {
  files: {
    read(path: string) {
      if (path.endsWith("/sockstat")) return new TextEncoder().encode("sockets: used 5\n");
      throw Object.assign(new Error("not there"), { errno: -2, code: "ENOENT" });
    },
  },
} as unknown as Host;

/** What lists the sockets of a run. */
type Listing = (world: World) => Promise<number>;

const emptyListing: Listing = async ({ stdout }) => {
  stdout.write(new TextEncoder().encode("[]\n"));
  return 7;
};

/** Runs with a listing; by default with one that writes `[]`. */
async function run(changes: Partial<Draft>, words: readonly string[] = [], list = emptyListing) {
  let [out, err] = ["", ""];
  const decoder = new TextDecoder();
  const write = (text: string) => {
    out += text;
  };
  const world = {
    program: "ss",
    env: {},
    stdout: { write: (bytes: Uint8Array) => write(decoder.decode(bytes)) },
    stderr: {
      write: (bytes: Uint8Array) => {
        err += decoder.decode(bytes);
      },
    },
  } as unknown as World;
  const status = await withSummary(world, host, { ...blankDraft, ...changes }, words, list).catch(
    (error: Error) => error.message,
  );
  return { out, err, status };
}

const tcp = { choice: chooseTable(nothingChosen, "tcp") };

test("it stands alone unless a table or a filter is given", async () => {
  const alone = await run({ summary: true });
  expect(alone.out).toStartWith("Total: 5\n");
  expect(alone).toMatchObject({ status: 0, err: "ss: get_snmpstat: No such file or directory\n" });
  for (const { out, status } of [
    await run({ summary: true, ...tcp }),
    await run({ summary: true }, ["sport"]),
  ]) {
    expect(out).toBe(`${alone.out}[]\n`);
    expect(status).toBe(7);
  }
});

test("as JSON, it and the sockets are one document", async () => {
  const alone = JSON.parse((await run({ summary: true, format: "json" })).out);
  expect(alone.summary.used).toBe(5);
  const both = JSON.parse((await run({ summary: true, format: "json", ...tcp })).out);
  expect(both).toEqual({ ...alone, sockets: [] });
  const lines = (await run({ summary: true, format: "ndjson", ...tcp })).out.split("\n");
  expect(JSON.parse(lines[0]!)).toEqual(alone);
  expect(lines[1]).toBe("[]");
});

test("the document is whole if the listing fails", async () => {
  const json = { summary: true, format: "json", ...tcp } as const;
  const refused = await run(json, ["sport"], async () => 255);
  expect(refused.status).toBe(255);
  expect(JSON.parse(refused.out)).toEqual({ summary: expect.objectContaining({ used: 5 }) });
  const broken = await run(json, [], async (world) => {
    await emptyListing(world);
    throw new Error("malformed");
  });
  expect(broken.status).toBe("malformed");
  expect(JSON.parse(broken.out)).toMatchObject({ sockets: [] });
});
