/** Compile-time assertions about the public types; `tsc -p .` runs them. */
import {
  destroy,
  destroyed,
  FilterError,
  type InetSocket,
  NetlinkError,
  netnsList,
  owners,
  parseFilter,
  replay,
  type Socket,
  sockets,
  socketsAsync,
  summary,
  type TcpInfo,
} from "sockscope";

/** Whether two types are identical; `any` equals only itself. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Accepts only `true`. */
function assertType<_Assertion extends true>(): void {}

for (const socket of sockets({
  tables: ["tcp"],
  families: ["inet"],
  states: ["listening"],
  filter: "dport 1",
})) {
  assertType<Same<typeof socket, Socket>>();
  if (socket.kind === "inet") {
    assertType<Same<typeof socket, InetSocket>>();
    assertType<Same<typeof socket.tcpInfo, TcpInfo | undefined>>();
    assertType<Same<typeof socket.sport, number>>();
    assertType<Same<typeof socket.src, string>>();
    assertType<Same<typeof socket.cookie, bigint>>();
    const closed = destroy(socket);
    assertType<Same<typeof closed, boolean>>();
  } else {
    // @ts-expect-error: only inet sockets can be destroyed
    destroy(socket);
    // @ts-expect-error: only inet sockets have ports of this kind
    socket.sport satisfies number;
  }
}

for await (const socket of socketsAsync({ signal: AbortSignal.timeout(1) }))
  assertType<Same<typeof socket, Socket>>();

for await (const event of destroyed({ tables: ["tcp"] })) {
  if (event.kind === "lost") assertType<Same<typeof event.count, number | undefined>>();
  else assertType<Same<typeof event.socket, InetSocket>>();
}

const { used, transports } = summary();
assertType<Same<typeof used, number>>();
assertType<Same<typeof transports.tcp.ipv6, number>>();

const found = owners([1])?.get(1)?.[0];
assertType<Same<typeof found, import("sockscope").SocketOwner | undefined>>();

const [netns] = netnsList();
if (netns !== undefined) replay("folder").sockets({ netns });

const filter = parseFilter("sport = :22");
if (filter?.kind === "not") assertType<Same<typeof filter.filter, import("sockscope").Filter>>();

const errors = [FilterError, NetlinkError];
assertType<Same<InstanceType<(typeof errors)[number]>["code"], "filter" | "netlink">>();

// @ts-expect-error: unknown table
sockets({ tables: ["tpc"] });
// @ts-expect-error: states are words
sockets({ states: [1] });
// @ts-expect-error: destroyed sockets cannot be selected by state
destroyed({ states: ["listening"] });
