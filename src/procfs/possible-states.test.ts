import { describe, expect, test } from "bun:test";
import type { Files } from "../host/host.ts";
import { stateGroups } from "../model/state.ts";
import { hasConnections, possibleTcpStates } from "./possible-states.ts";

const SOCKSTAT = [
  "sockets: used 0",
  "TCP: inuse 0 orphan 0 tw 0 alloc 108186 mem 1037",
  "UDP: inuse 0 mem 0",
  "RAW: inuse 0",
  "",
].join("\n");
const SOCKSTAT6 = "TCP6: inuse 0\nUDP6: inuse 0\n";

function filesOf(texts: Readonly<Record<string, string>>): Files {
  return {
    read(path: string) {
      const text = texts[path.slice("/proc/net/".length)];
      if (text === undefined) throw Object.assign(new Error(path), { code: "ENOENT" });
      return new TextEncoder().encode(text);
    },
  } as Files;
}

const possible = (sockstat: string, sockstat6 = SOCKSTAT6) =>
  possibleTcpStates(filesOf({ sockstat, sockstat6 }));

describe("possibleTcpStates()", () => {
  test("without any socket there is no state", () => {
    expect(possible(SOCKSTAT)).toBe(0);
  });

  test("with other sockets, TCP sockets may be bound", () => {
    const states = possible(SOCKSTAT.replace("used 0", "used 3"));
    expect(states).toBe((1 << 10) | (1 << 13));
    expect(hasConnections(states)).toBe(false);
  });

  test.each([
    ["an IPv4 socket", SOCKSTAT.replace("TCP: inuse 0", "TCP: inuse 1"), SOCKSTAT6],
    ["an IPv6 socket", SOCKSTAT, SOCKSTAT6.replace("TCP6: inuse 0", "TCP6: inuse 12")],
    ["a connection in TIME-WAIT", SOCKSTAT.replace("tw 0", "tw 1"), SOCKSTAT6],
    ["a kernel without the counter of TIME-WAIT", SOCKSTAT.replace(" tw 0", ""), SOCKSTAT6],
    ["no line of TCP", "sockets: used 0\n", SOCKSTAT6],
    ["no line of TCP6", SOCKSTAT, ""],
  ])("%s: any", (_, sockstat, sockstat6) => {
    const states = possible(sockstat, sockstat6);
    expect(states & stateGroups.all).toBe(stateGroups.all);
    expect(hasConnections(states)).toBe(true);
  });

  test("without the files: any", () => {
    expect(hasConnections(possibleTcpStates(filesOf({})))).toBe(true);
    expect(hasConnections(possibleTcpStates(filesOf({ sockstat: SOCKSTAT })))).toBe(true);
  });
});
