/**
 * Runs in a network namespace of its own: makes connections that something limits, each on a port of its own, says
 * `ready`, and keeps them up until its standard input ends.
 *
 * Usage: limits-world.ts FOLDER stalled|corked|sending|healthy
 */
import { AF_INET, SOCK_STREAM } from "../../src/model/family.ts";
import {
  accept,
  addressOf,
  close,
  connect,
  deafen,
  ipv4,
  listen,
  loopbackUp,
  open,
  openAt,
  receive,
  SOL_SOCKET,
  send,
  sendSome,
  setOption,
  shutdownSend,
} from "./c.ts";
import { slowPath } from "./slow-path.ts";

/** linux/net.h, asm-generic/socket.h. */
const SOCK_NONBLOCK = 0o4000;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_KEEPALIVE = 9;
const SO_MAX_PACING_RATE = 47;
/** linux/tcp.h. */
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_CORK = 3;
const TCP_CONGESTION = 13;

const MUCH = 1 << 20;
const TICK_MS = 5;

type Prepare = (fd: number) => void;
type Scene = () => Promise<void>;

/** How the ends of a connection are set up. */
interface Setup {
  readonly client?: Prepare;
  /** Of the listener, whose options the other end has. */
  readonly server?: Prepare;
  /** Where the listener is, and by which address the client reaches it. */
  readonly host?: string;
  readonly reached?: string;
}

/** A connection to a port. Neither end blocks; it does not measure the path as BBR would. */
async function pair(
  port: number,
  { client: prepare, server: prepareListener, host = "127.0.0.1", reached = host }: Setup = {},
): Promise<readonly [client: number, server: number]> {
  const listener = openAt(ipv4(host, port), SOCK_STREAM | SOCK_NONBLOCK);
  const client = open(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  for (const fd of [listener, client]) setOption(fd, IPPROTO_TCP, TCP_CONGESTION, "reno");
  prepareListener?.(listener);
  prepare?.(client);
  listen(listener, 8);
  connect(client, ipv4(reached, port));
  for (;;) {
    try {
      const server = accept(listener, SOCK_NONBLOCK);
      close(listener);
      return [client, server];
    } catch {
      // The handshake takes as long as the path does, and packets of a slow one need our timers.
      await Bun.sleep(1);
    }
  }
}

/** A connection over a slow path. */
function farPair(port: number, network: string, setup: Setup = {}): ReturnType<typeof pair> {
  return pair(port, { ...setup, host: `${network}.1`, reached: `${network}.2` });
}

const option =
  (level: number, name: number, value: number): Prepare =>
  (fd) =>
    setOption(fd, level, name, value);

function everyTick(work: () => void): void {
  work();
  setInterval(work, TICK_MS);
}

/** Keeps the send queue full. */
function fill(fd: number, piece = MUCH): void {
  everyTick(() => {
    while (sendSome(fd, piece) > 0);
  });
}

/** Reads all that comes. */
function drain(fd: number): void {
  everyTick(() => {
    while (receive(fd, MUCH) > 0);
  });
}

/** Connections that stand still. */
const stalled: readonly Scene[] = [
  // no-answer: of a SYN
  async () => {
    const silent = openAt(ipv4("127.0.0.1", 6001), SOCK_STREAM);
    listen(silent, 1);
    deafen(silent);
    connect(open(AF_INET, SOCK_STREAM | SOCK_NONBLOCK), addressOf(silent));
  },
  // no-answer: of data
  async () => {
    const [client, server] = await pair(6002);
    send(client, 1000);
    receive(server, 1000);
    deafen(server);
    send(client, 5000);
  },
  // peer-not-reading and receiver-not-reading, its other end
  async () => {
    const [client] = await pair(6003, { server: option(SOL_SOCKET, SO_RCVBUF, 4096) });
    while (sendSome(client, MUCH) > 0);
  },
  // receiver-not-reading, with an open window
  async () => send((await pair(6004))[0], 1234),
  // accept-queue
  async () => {
    const listener = openAt(ipv4("127.0.0.1", 6005), SOCK_STREAM);
    listen(listener, 4);
    connect(open(AF_INET, SOCK_STREAM), addressOf(listener));
  },
  // listening
  async () => listen(openAt(ipv4("127.0.0.1", 6006), SOCK_STREAM), 4),
  // local-close, peer-close
  async () => shutdownSend((await pair(6007))[0]),
  // closing
  async () => {
    const [client, server] = await pair(6009);
    deafen(server);
    shutdownSend(client);
  },
  // idle, with and without keepalive
  async () => {
    await pair(6010, { client: option(SOL_SOCKET, SO_KEEPALIVE, 1) });
    for (let count = 0; count < 12; count++) await pair(6020 + count, { host: "10.79.0.1" });
  },
];

/** A connection with less than a segment held back. */
const corked: readonly Scene[] = [
  // nagle, by TCP_CORK
  async () => {
    const [client] = await pair(6008, { client: option(IPPROTO_TCP, TCP_CORK, 1) });
    // What is held back leaves after a while.
    everyTick(() => sendSome(client, 100));
  },
];

/** Connections that send, each as fast as something lets it. */
const sending: readonly Scene[] = [
  // path, bufferbloat: the queue before the slow link is always full
  async () => {
    slowPath("10.80.1", { delayMs: 5, bytesPerSecond: 500_000 });
    const [client, server] = await farPair(6101, "10.80.1");
    fill(client);
    drain(server);
  },
  // congestion-window, and now and then loss-recovery; retransmissions
  async () => {
    slowPath("10.80.2", { delayMs: 20, loss: 0.03 });
    const [client, server] = await farPair(6102, "10.80.2");
    fill(client);
    drain(server);
  },
  // send-buffer, peer-window, nagle: a long way without loss
  async () => {
    slowPath("10.80.3", { delayMs: 20 });
    const small = await farPair(6103, "10.80.3", {
      client(fd) {
        setOption(fd, SOL_SOCKET, SO_SNDBUF, 16_384);
        setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
      },
    });
    fill(small[0], 700);
    drain(small[1]);
    const narrow = await farPair(6104, "10.80.3", { server: option(SOL_SOCKET, SO_RCVBUF, 16_384) });
    fill(narrow[0]);
    drain(narrow[1]);
    const chatty = await farPair(6105, "10.80.3");
    everyTick(() => sendSome(chatty[0], 10));
    drain(chatty[1]);
  },
  // pacing
  async () => {
    const [client, server] = await pair(6107, { client: option(SOL_SOCKET, SO_MAX_PACING_RATE, 1_000_000) });
    fill(client);
    drain(server);
  },
  // application-limited
  async () => {
    const [client, server] = await pair(6108);
    everyTick(() => sendSome(client, 32_768));
    drain(server);
  },
];

/** Nothing is wrong: some talk, some are quiet, all is read. */
const healthy: readonly Scene[] = [
  async () => {
    for (let count = 0; count < 20; count++) {
      const [client, server] = await pair(6301 + count, {
        client: option(SOL_SOCKET, SO_KEEPALIVE, 1),
        host: "10.79.0.1",
      });
      everyTick(() => sendSome(client, 1000));
      everyTick(() => sendSome(server, 500));
      drain(server);
      drain(client);
    }
  },
];

const worlds: Readonly<Record<string, readonly Scene[]>> = { stalled, corked, sending, healthy };

const [, name = ""] = process.argv.slice(2);
loopbackUp();
Bun.spawnSync(["ip", "address", "add", "10.79.0.0/16", "dev", "lo"]);
Bun.spawnSync(["ip", "route", "add", "local", "10.79.0.0/16", "dev", "lo"]);
for (const make of worlds[name]!) await make();
console.log("ready");
await Bun.stdin.bytes();
process.exit();
