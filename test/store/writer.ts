/**
 * A recorder without sockets: writes samples and connections of a made-up host to a store, and may kill itself before
 * any step. Arguments as JSON: see {@link WriterOptions}. Prints the number of each flush that has returned.
 */
import type { ClockReading } from "../../src/store/clock.ts";
import { SocketImage } from "../../src/store/image.ts";
import { Store } from "../../src/store/store.ts";

/** What to write. */
export interface WriterOptions {
  readonly folder: string;
  readonly flushes: number;
  /** Sockets of each sample; half of them change from one to the next. */
  readonly sockets: number;
  readonly connections: number;
  readonly budgetBytes: number;
  readonly keepFreeBytes?: number;
  /** When the wall clock stands at, in milliseconds since 1970. */
  readonly startMs: number;
  /** Milliseconds since boot at the start, and the id of the boot. */
  readonly bootMs?: number;
  readonly bootId?: string;
  /** Go on with the file of the day. */
  readonly append?: boolean;
  /** Kill ourselves before this step; undefined for never. */
  readonly killAt?: number;
  /** Milliseconds that the clock is set forward by before each flush. */
  readonly stepsMs?: readonly number[];
  /** Milliseconds that the host is suspended for before each flush. */
  readonly suspendsMs?: readonly number[];
  /** Print the size of the folder after each step, and the largest at the end. */
  readonly measure?: boolean;
}

const FLUSH_MS = 10_000;
const SAMPLE_MS = 5000;
const UNIX = { place: 1, dump: 2, family: 1 } as const;

/** Numbers that are the same in each run, and do not compress well. */
function* numbers(): Generator<number> {
  for (let state = 0x1234_5678; ; ) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

/** Writes as told. @param onStep called before each step */
export function write(
  options: WriterOptions,
  onStep: (name: string) => void,
  say: (line: string) => void,
): void {
  const { folder, budgetBytes, startMs, keepFreeBytes = 0 } = options;
  let wallMs = startMs;
  let { bootMs = 1_000_000 } = options;
  let suspendedMs = 0;
  const now = (): ClockReading => ({ wallMs, bootMs, awakeMs: bootMs - suspendedMs });
  const pass = (ms: number) => {
    wallMs += ms;
    bootMs += ms;
  };
  const store = new Store({
    folder,
    limits: { budgetBytes, keepFreeBytes, days: 7 },
    run: {
      bootId: options.bootId ?? "boot",
      version: "0",
      host: "host",
      intervalMs: SAMPLE_MS,
      filter: undefined,
      tables: undefined,
      sources: "test",
    },
    now: now(),
    append: options.append ?? false,
    say: (line) => say(`said ${line}`),
    step: onStep,
  });
  using held = store;
  const place = held.place({ inode: 1, name: undefined, pid: undefined });
  const process =
    held.knownProcess(7, 1, "server") ??
    held.addProcess("server", {
      pid: 7,
      startTicks: 1,
      name: new TextEncoder().encode("server"),
      uid: 0,
      user: "root",
      exe: "/server",
      arguments: new TextEncoder().encode("server\0--secret\0"),
      cgroup: "0::/\n",
    });
  const random = numbers();
  const next = () => random.next().value as number;
  const image = new SocketImage();
  const bytes = new Uint8Array(64);
  const data = new DataView(bytes.buffer);
  const values = Array.from({ length: options.sockets }, next);
  for (let flush = 1; flush <= options.flushes; flush++) {
    for (let sample = 0; sample < FLUSH_MS / SAMPLE_MS; sample++) {
      image.begin();
      const group = image.group({ ...UNIX, place });
      values.forEach((value, index) => {
        if (index % 2 === 0) values[index] = next();
        data.setUint32(0, 1, true);
        data.setUint32(4, index + 1, true);
        data.setUint32(20, value, true);
        group.add(index + 1, index + 1, new Int32Array(bytes.buffer), 0, bytes.length, bootMs);
      });
      image.end();
      const owners = new Map([[1, [{ process, fd: flush }]]]);
      held.sample({
        clocks: now(),
        durationUs: 1000,
        image,
        owners: { all: owners, changed: new Set(owners.keys()) },
      });
      pass(SAMPLE_MS);
    }
    for (let each = 0; each < options.connections; each++)
      held.connection({
        closedMs: wallMs - 1,
        openedMs: wallMs - 1 - (next() % 1000),
        protocol: 6,
        place,
        local: Uint8Array.of(10, 0, 0, 1),
        localPort: next() & 0xffff,
        peer: Uint8Array.of(10, 1, next() & 0xff, each & 0xff),
        peerPort: 443,
        process,
        uid: 0,
        reason: undefined,
        bytesSent: next() % 1_000_000,
        bytesReceived: next() % 1_000_000,
        segmentsSent: next() % 1000,
        segmentsReceived: next() % 1000,
        retransmits: next() % 3,
        rttUs: next() % 100_000,
        minRttUs: next() % 10_000,
      });
    wallMs += options.stepsMs?.[flush - 1] ?? 0;
    const sleptMs = options.suspendsMs?.[flush - 1] ?? 0;
    suspendedMs += sleptMs;
    pass(sleptMs);
    held.flush(now());
    say(`flushed ${flush} ${wallMs}`);
  }
  held.close(now());
  say(`totals ${JSON.stringify(held.totals)}`);
}

if (import.meta.main) {
  const options = JSON.parse(process.argv[2]!) as WriterOptions;
  let step = 0;
  const say = (line: string) => process.stdout.write(`${line}\n`);
  write(
    options,
    () => {
      if (step++ === options.killAt) process.kill(process.pid, "SIGKILL");
    },
    say,
  );
  say(`steps ${step}`);
}
