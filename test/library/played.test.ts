import { describe, expect, test } from "bun:test";
import { machine, type PlayedSocket, playedKernel } from "../../src/index.ts";
import { inetTables } from "../../src/model/inet-tables.ts";

const listed = (sockets: readonly PlayedSocket[], options = {}) =>
  [...machine({ transport: playedKernel(sockets) }).sockets(options)].map((socket) => socket.toJSON());

const web: PlayedSocket = {
  table: "tcp",
  state: "CLOSE-WAIT",
  src: "10.0.0.1",
  sport: 80,
  dst: "192.0.2.7",
  dport: 40_000,
  uid: 33,
  inode: 4711,
  rqueue: 12,
  tcpInfo: { rtt: 1500, sndCwnd: 10, timestamps: 1, sndWscale: 7, rcvWscale: 9, bytesAcked: 5_000_000_000 },
  memory: { drops: 3 },
  congestion: "bbr",
};

describe("a played kernel", () => {
  test("lists its sockets as they were described", () => {
    const [socket] = listed([web], { tables: ["tcp"], info: true, memory: true });
    expect(socket).toMatchObject({
      netid: "tcp",
      state: "CLOSE-WAIT",
      local: { address: "10.0.0.1", port: 80 },
      peer: { address: "192.0.2.7", port: 40_000 },
      uid: 33,
      inode: 4711,
      cookie: "0x1",
      recvQueueBytes: 12,
      congestion: "bbr",
      memory: { drops: 3 },
      tcpInfo: { rttUs: 1500, sndCwnd: 10, timestamps: true, sndWscale: 7, rcvWscale: 9, bytesAcked: 5e9 },
    });
  });

  test("sends only the requested attributes", () => {
    expect(listed([web], { tables: ["tcp"] })[0]).not.toHaveProperty("tcpInfo");
    expect(listed([web], { tables: ["tcp"], info: true })[0]).not.toHaveProperty("memory");
  });

  test("selects by state, family and filter", () => {
    const v6: PlayedSocket = { table: "tcp", state: "LISTEN", src: "::1", sport: 443 };
    const ports = (options: object) =>
      listed([web, v6], options).map(({ local }) => (local as { port: number }).port);
    expect(ports({})).toEqual([80, 443]);
    expect(ports({ states: ["listening"] })).toEqual([443]);
    expect(ports({ families: ["inet"] })).toEqual([80]);
    expect(ports({ filter: "sport = :443" })).toEqual([443]);
    expect(ports({ filter: "rtt > 1ms" })).toEqual([80]);
  });

  test("has every inet table", () => {
    for (const table of Object.keys(inetTables) as (keyof typeof inetTables)[])
      expect(listed([{ table, state: "UNCONN", sport: 9 }], { tables: [table] })).toHaveLength(1);
  });

  test.each<[PlayedSocket, string]>([
    [{ table: "tcp", src: "10.0.0" }, '"10.0.0" is not an address'],
    [{ table: "tcp", src: "10.0.0.1", dst: "::1" }, "of two families"],
    [{ table: "tcp", state: "OPEN" as never }, '"OPEN" is not a state'],
    [{ table: "tcp", tcpInfo: { rtts: 1 } as never }, 'no field is called "rtts"'],
  ])("refuses %j", (socket, message) => {
    expect(() => playedKernel([socket])).toThrow(message);
  });
});
