/**
 * Requests about the past, answered by another thread. One is worked on at a time; meanwhile this thread takes samples,
 * serves streams and answers scrapes.
 */
import type { FromPast, PastSettings, ToPast } from "./past-messages.ts";
import { Refusal } from "./problem.ts";
import type { Call } from "./route.ts";

/** The part of a Worker that is used. It passes each message to `pastService`, and posts what that posts. */
export type PastWorker = Pick<Worker, "addEventListener" | "postMessage" | "terminate" | "unref">;

/** Answers requests about the past. */
export interface PastThread extends Disposable {
  /** Answers a request. @param path of its route. @throws Refusal if nobody waits for the answer any more */
  answer(path: string, call: Call): Promise<Response>;
}

/** How long a thread without requests is kept: what it has read may be wanted again. */
const IDLE_MS = 60_000;
/** How long the thread may go on with a request that nobody waits for. */
const GRACE_MS = 1000;
/** Headers that decide what an answer is. */
const HEADERS = ["Accept", "Accept-Encoding", "If-None-Match"];

/** A request that waits for its answer. */
interface Job {
  readonly id: number;
  readonly path: string;
  readonly call: Call;
  resolve(answer: Response): void;
  reject(reason: unknown): void;
}

/** A body that is being sent. */
interface Body {
  take(bytes: Uint8Array<ArrayBuffer> | undefined): void;
  fail(error: Error): void;
}

function headersOf({ request }: Call): Record<string, string> {
  return Object.fromEntries(
    HEADERS.flatMap((name) => {
      const value = request.headers.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
}

/** Makes the thread, which starts with its first request. @param start starts it */
export function openPastThread(start: () => PastWorker, settings: PastSettings): PastThread {
  const waiting: Job[] = [];
  const bodies = new Map<number, Body>();
  let worker: PastWorker | undefined;
  let running: Job | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ids = 0;

  const post = (message: ToPast) => worker?.postMessage(message);

  /** Ends the thread. Requests that it was working on fail. */
  function end(reason: Error): void {
    clearTimeout(timer);
    worker?.terminate();
    worker = undefined;
    running?.reject(reason);
    running = undefined;
    for (const body of bodies.values()) body.fail(reason);
    bodies.clear();
  }

  function started(): PastWorker {
    const made = start();
    made.addEventListener("message", ({ data }: MessageEvent<FromPast>) => {
      if (made === worker) take(data);
    });
    made.addEventListener("error", (event) => {
      event.preventDefault();
      if (made !== worker) return;
      end(new Error(event.message));
      next();
    });
    made.unref();
    return made;
  }

  /** Begins with the next request, or plans the end of the thread. */
  function next(): void {
    clearTimeout(timer);
    if (running !== undefined) return;
    running = waiting.shift();
    if (running === undefined) {
      timer = setTimeout(() => {
        if (bodies.size === 0) end(new Error("it was idle"));
        else next();
      }, IDLE_MS);
      timer.unref?.();
      return;
    }
    if (worker === undefined) {
      worker = started();
      post({ kind: "open", settings });
    }
    const { id, path, call } = running;
    post({ kind: "call", id, path, values: call.values, url: call.request.url, headers: headersOf(call) });
  }

  function bodyOf(id: number): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: (controller) =>
          new Promise<void>((resolve, reject) => {
            bodies.set(id, {
              take(bytes) {
                if (bytes === undefined) {
                  bodies.delete(id);
                  controller.close();
                } else controller.enqueue(bytes);
                resolve();
              },
              fail: reject,
            });
            post({ kind: "pull", id });
          }),
        cancel() {
          bodies.delete(id);
          post({ kind: "drop", id });
        },
      },
      { highWaterMark: 1 },
    );
  }

  function take(message: FromPast): void {
    const { id } = message;
    if (message.kind === "part") {
      bodies.get(id)?.take(message.bytes);
      return;
    }
    const job = running?.id === id ? running : undefined;
    if (message.kind === "failed") {
      const error = new Error(message.message);
      if (job === undefined) bodies.get(id)?.fail(error);
      else job.reject(error);
    } else if (job !== undefined) {
      const { status, headers } = message;
      const hasBody = status !== 304;
      job.resolve(new Response(hasBody ? bodyOf(id) : null, { status, headers }));
    }
    if (job === undefined) return;
    running = undefined;
    next();
  }

  /** Gives a request up. The thread may finish it if that does not take long. */
  function abandon(job: Job): void {
    job.reject(new Refusal(503, "The past was not read in time: choose a shorter span, or try again."));
    const index = waiting.indexOf(job);
    if (index >= 0) waiting.splice(index, 1);
    setTimeout(() => {
      if (running !== job) return;
      end(new Error("it took too long"));
      next();
    }, GRACE_MS);
  }

  return {
    answer: (path, call) =>
      new Promise((resolve, reject) => {
        const job: Job = { id: ids++, path, call, resolve, reject };
        call.signal.addEventListener("abort", () => abandon(job), { once: true });
        waiting.push(job);
        next();
      }),
    [Symbol.dispose]: () => end(new Error("the server ends")),
  };
}
