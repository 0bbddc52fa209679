import { describe, expect, test } from "bun:test";
import { batch, inetSocket, type SocketLike } from "../../test/live/sockets.ts";
import { SS_LISTEN, SS_TIME_WAIT } from "../model/state.ts";
import { type Sample, SocketTable } from "./table.ts";

/** Takes a sample of sockets that were all read at one time. */
function sample(table: SocketTable, now: number, ...likes: readonly SocketLike[]): Sample {
  table.begin(now);
  for (const like of likes) table.add(batch(like), now);
  return table.finish();
}

const transfer = (cookie: number, bytesReceived: number, bytesAcked: number) => ({
  cookie,
  info: { bytesReceived, bytesAcked, totalRetrans: 0, rtt: 50 },
});

describe("rates", () => {
  test("are the change of a counter by the time between two readings", () => {
    const table = new SocketTable();
    sample(table, 1000, transfer(7, 100, 2 ** 40));
    const { totals, intervalMs } = sample(table, 3000, transfer(7, 5100, 2 ** 40 + 800));
    const slot = table.slotOf("/7")!;
    expect(table.numbers.receivedRate[slot]).toBe(2500);
    expect(table.numbers.ackedRate[slot]).toBe(400);
    expect(table.numbers.transferRate[slot]).toBe(2900);
    expect(table.interval[slot]).toBe(2000);
    expect(intervalMs).toBe(2000);
    expect(totals).toEqual({
      receivedRate: 2500,
      ackedRate: 400,
      retransmittedRate: 0,
    });
  });

  test("go by when each socket was read, not by when the sample began", () => {
    const table = new SocketTable();
    table.begin(0);
    table.add(batch(transfer(1, 0, 0)), 0);
    table.add(batch(transfer(2, 0, 0)), 400);
    table.finish();
    table.begin(1000);
    table.add(batch(transfer(1, 1000, 0)), 1000);
    table.add(batch(transfer(2, 1000, 0)), 1900);
    table.finish();
    expect(table.numbers.receivedRate[table.slotOf("/1")!]).toBe(1000);
    expect(table.numbers.receivedRate[table.slotOf("/2")!]).toBeCloseTo(1000 / 1.5);
  });

  test("are unknown, not zero: of a socket seen once, of UDP bytes, of a listener", () => {
    const table = new SocketTable();
    const udp = { cookie: 1, udp: true, drops: 3 };
    const listener = { cookie: 2, state: SS_LISTEN, info: { bytesReceived: 0 } };
    const first = sample(table, 0, udp, listener);
    expect(first.totals).toEqual({});
    sample(table, 1000, { ...udp, drops: 10 }, listener, transfer(3, 9, 9));
    const at = (key: string) => table.slotOf(key)!;
    expect(table.numbers.droppedRate[at("/1")]).toBe(7);
    for (const key of ["/1", "/2", "/3"]) expect(table.numbers.receivedRate[at(key)]).toBeNaN();
  });

  test("an rtt and a delivery rate of 0 are not measured yet", () => {
    const table = new SocketTable();
    sample(table, 0, { cookie: 1, info: { rtt: 0, deliveryRate: 0 } });
    expect(table.numbers.rtt[0]).toBeNaN();
    expect(table.numbers.deliveryRate[0]).toBeNaN();
  });

  test("a counter that goes back is another one: nothing is told", () => {
    const table = new SocketTable();
    sample(table, 0, transfer(1, 1000, 0));
    sample(table, 1000, transfer(1, 10, 5));
    expect(table.numbers.receivedRate[0]).toBeNaN();
    expect(table.numbers.ackedRate[0]).toBe(5);
  });

  test("do not come from the socket whose slot it was before", () => {
    const table = new SocketTable();
    sample(table, 0, transfer(1, 1000, 0));
    sample(table, 1000);
    sample(table, 2000, transfer(2, 5000, 0));
    expect(table.slotOf("/2")).toBe(0);
    expect(table.numbers.receivedRate[0]).toBeNaN();
  });
});

describe("what came and went", () => {
  test("nothing is new in the first sample", () => {
    expect(sample(new SocketTable(), 0, { cookie: 1 })).toMatchObject({ opened: 0, closed: 0, sockets: 1 });
  });

  test("TIME-WAIT is the end of a connection: neither a new one, nor one that ends again", () => {
    const table = new SocketTable();
    sample(table, 0, { cookie: 1 }, { cookie: 2 });
    const ended = sample(
      table,
      1,
      { cookie: 1, state: SS_TIME_WAIT },
      { cookie: 3 },
      { cookie: 4, state: SS_TIME_WAIT },
    );
    expect(ended).toMatchObject({ opened: 1, closed: 2, sockets: 3 });
    expect(sample(table, 2, { cookie: 3 })).toMatchObject({ opened: 0, closed: 0, sockets: 1 });
  });

  test("slots are used again, so that memory stays as it is", () => {
    const table = new SocketTable();
    for (let round = 0; round < 50; round++)
      sample(
        table,
        round,
        ...Array.from({ length: 100 }, (_, index) => ({ cookie: round * 100 + index + 1 })),
      );
    expect(table.size).toBe(100);
    expect(table.end).toBeLessThanOrEqual(200);
  });

  test("a connection that no sample saw counts by what it transferred until its end", () => {
    const table = new SocketTable();
    sample(table, 0);
    table.addEnded("tcp", inetSocket(transfer(9, 4000, 1000)), undefined, true);
    expect(sample(table, 2000)).toMatchObject({
      opened: 1,
      closed: 1,
      sockets: 0,
      totals: { receivedRate: 2000, ackedRate: 500 },
    });
    expect(sample(table, 4000)).toMatchObject({ opened: 0, closed: 0, totals: {} });
    expect(table.ended).toEqual([]);
  });

  test("the last bytes of a connection count once", () => {
    const table = new SocketTable();
    sample(table, 0, transfer(1, 100, 0));
    sample(table, 1000, transfer(1, 500, 0));
    table.addEnded("tcp", inetSocket(transfer(1, 700, 0)), undefined, true);
    expect(table.slotOf("/1")).toBeUndefined();
    expect(sample(table, 2000)).toMatchObject({ opened: 0, closed: 1, totals: { receivedRate: 200 } });
  });

  test("an end before the first sample, or of an unselected socket, does not count", () => {
    const table = new SocketTable();
    table.addEnded("tcp", inetSocket(transfer(1, 700, 0)), undefined, true);
    sample(table, 0);
    table.addEnded("tcp", inetSocket(transfer(2, 700, 0)), undefined, false);
    expect(sample(table, 1000)).toMatchObject({ opened: 0, closed: 0, totals: {} });
  });

  test("a socket that a dump brings twice counts once", () => {
    const table = new SocketTable();
    expect(sample(table, 0, { cookie: 1 }, { cookie: 1 })).toMatchObject({ sockets: 1 });
    expect(sample(table, 1, { cookie: 1 }, { cookie: 1 }).states[1]).toBe(1);
  });

  test("cookies are of one network namespace", () => {
    const table = new SocketTable();
    const netns = (inode: number) => ({ inode, name: undefined, pid: undefined });
    const [one, two] = [netns(10), netns(20)];
    sample(table, 0, { cookie: 1, netns: one }, { cookie: 1, netns: two });
    expect(table.size).toBe(2);
    expect(table.slotOf("20/1")).toBe(1);
    sample(table, 1, { cookie: 1, netns: two });
    expect(table.slotOf("10/1")).toBeUndefined();
    expect(table.key(table.slotOf("20/1")!)).toBe("20/1");
  });

  test("more sockets than there is room for at first", () => {
    const table = new SocketTable();
    const likes = Array.from({ length: 3000 }, (_, index) => ({
      cookie: index + 1,
      local: [10, 0, index >> 8, index & 255],
      localPort: index,
    }));
    sample(table, 0, ...likes);
    expect(table.local(table.slotOf("/2500")!)).toBe("10.0.9.195:2499");
    expect(table.local(table.slotOf("/1")!)).toBe("10.0.0.0:*");
  });
});
