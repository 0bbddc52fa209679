import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Container } from "../enrich/containers.ts";
import type { Socket } from "../families/socket.ts";
import { parseFilter } from "../filter/parser.ts";
import { liveFiles } from "../host/live.ts";
import { filterLookups } from "../lookup/filter-lookups.ts";
import { noDemands } from "../model/demand.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { stateGroups } from "../model/state.ts";
import { replayHost } from "../replay/host.ts";
import { allParts } from "./all-parts.ts";
import { list } from "./list.ts";
import { predicateOf } from "./predicate.ts";

const host = replayHost(join(import.meta.dirname, "../../test/fixtures/udp"), liveFiles);
const web: Container = { runtime: "docker", id: "0123456789abcdef", name: "web-1" };

/** The number of recorded UDP sockets, all in one namespace, that match a filter. */
function passing(filter: string, container?: (socket: Socket) => Container | undefined): number {
  const context = {
    tables: new Set(["udp" as const]),
    preferred: undefined,
    lookups: filterLookups(host),
  };
  const parsed = parseFilter({ args: filter.split(" ") }, context).filter!;
  const holders = { owners: () => undefined, ...(container && { container }) };
  const batches = list(host, {
    selection: {
      tables: new Set(["udp"]),
      families: new Set([AF_INET, AF_INET6]),
      states: stateGroups.all,
      preferred: undefined,
    },
    demands: noDemands,
    parts: allParts,
    predicate: predicateOf(
      parsed,
      allParts.families,
      () => [1024, 4999],
      () => holders,
    ),
    keep: true,
    netns: { name: "blue", pid: undefined, inode: 1 } as never,
    report: () => {},
  });
  return [...batches].reduce((sum, { sockets }) => sum + sockets.length, 0);
}

const all = passing("sport ge 0");

describe("netns", () => {
  test("is known for each socket as it is listed", () => {
    expect(all).toBeGreaterThan(5);
    expect(passing("netns blue")).toBe(all);
    expect(passing("netns b*")).toBe(all);
    expect(passing("netns red")).toBe(0);
    expect(passing("netns != red")).toBe(all);
  });
});

describe("container", () => {
  const some = (socket: Socket) => (socket.inode && socket.inode % 2 === 0 ? web : undefined);

  test.each(["web-1", "WEB-*", "0123456789abcdef", "docker:web-1"])("matches %p", (name) => {
    const found = passing(`container ${name}`, some);
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThan(all);
  });

  test("never matches a socket without a container, or if containers are not looked up", () => {
    expect(passing("container *", some)).toBe(passing("container web-1", some));
    expect(passing("container *")).toBe(0);
    expect(passing("not container *")).toBe(all);
  });
});
