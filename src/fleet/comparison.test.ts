import { expect, test } from "bun:test";
import { compareHosts } from "./comparison.ts";
import { askedColumns } from "./ends.ts";
import type { HostOutcome } from "./fan-out.ts";
import type { AskAll } from "./samples.ts";

const columns = askedColumns(false);

/** A host: its boot, its address and its sockets as `cookie local peer`. */
interface PlayedHost {
  readonly bootId: string;
  readonly address: string;
  readonly sockets: readonly string[];
}

/** The names of hosts, as the client sees them. Two names may lead to one host. */
function askOf(hosts: Readonly<Record<string, PlayedHost>>): AskAll {
  return async (names, question, take) =>
    names.map((host): HostOutcome => {
      const { bootId, address, sockets } = hosts[host]!;
      const values = sockets.map((text) => {
        const [cookie, local, peer] = text.split(" ") as [string, string, string];
        const [localAddress, localPort] = local.split(":");
        const [peerAddress, peerPort] = peer.split(":");
        const row: Readonly<Record<string, string | number | undefined>> = {
          state: Number(peerPort) === 0 ? "LISTEN" : "ESTAB",
          "local.address": localAddress,
          "local.port": Number(localPort),
          "peer.address": peerAddress,
          "peer.port": Number(peerPort),
          cookie,
        };
        return columns.map((column) => row[column] ?? null);
      });
      if (question.form === "translations") take(host, { rows: [{ values: [false, true] }] });
      else take(host, { rows: values.map((each) => ({ values: each })) });
      return {
        host,
        hello: { version: "", protocols: [1], host, bootId },
        clock: { wallMs: 0, bootMs: 0, aheadMs: 0, errorMs: 0 },
        addresses: ["127.0.0.1", address],
        end: { status: 0 },
        failure: undefined,
      };
    });
}

const web: PlayedHost = {
  bootId: "boot-1",
  address: "10.0.0.1",
  sockets: ["7 10.0.0.1:22 0.0.0.0:0", "9 10.0.0.1:40000 10.0.0.2:80"],
};
const db: PlayedHost = { bootId: "boot-2", address: "10.0.0.2", sockets: ["3 10.0.0.2:80 10.0.0.1:40000"] };

async function compare(hosts: Readonly<Record<string, PlayedHost>>) {
  const request = { allNetns: false, containers: false, words: [], budgetMs: 1000 };
  const names = Object.keys(hosts);
  const { now, leftOut } = await compareHosts(
    askOf(hosts),
    names,
    request,
    async () => undefined,
    () => 0,
  );
  return { pairs: now.pairs.length, ambiguous: now.ambiguous.length, leftOut: [...leftOut] };
}

test("a host that is in the list by two names counts once", async () => {
  expect(await compare({ web, "10.0.0.1": web, db })).toEqual({
    pairs: 1,
    ambiguous: 0,
    leftOut: [["10.0.0.1", "it is the same host as web"]],
  });
});

test("namespaces of one machine with the same addresses are two hosts", async () => {
  const twin = { ...web, sockets: web.sockets.map((socket) => `1${socket}`) };
  expect(await compare({ web, twin, db })).toEqual({ pairs: 0, ambiguous: 3, leftOut: [] });
});
