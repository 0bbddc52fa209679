/** Threads that look up host names, so that a slow name server delays nothing but its own answers. */
import { AF_INET, AF_INET6 } from "../model/family.ts";
import type { Resolver } from "./host.ts";
import type { LookUp, LookUpAnswer } from "./name-lookup.ts";

/** The part of a Worker that look-ups use. The worker passes each message to `answerLookUp` and posts the answer. */
export type NameWorker = Pick<Worker, "addEventListener" | "postMessage" | "unref">;

/** The largest number of look-ups that wait at the same time, each on its own thread. */
const MOST_THREADS = 64;
/** How long an answer may take before more threads are started, in milliseconds. */
const PATIENCE_MS = 20;

interface Task {
  readonly question: LookUp;
  answer(answer: LookUpAnswer): void;
}

/**
 * Makes the part of a resolver that looks up names, by threads that it starts as they are needed: one for a resolver
 * that answers at once, more for one that does not.
 *
 * @param startWorker starts a thread
 * @param instead answers if threads cannot be started
 */
export function threadedResolver(
  startWorker: () => NameWorker,
  instead: Pick<Resolver, "addresses" | "name">,
): Pick<Resolver, "addresses" | "name"> {
  const queue: Task[] = [];
  const idle: NameWorker[] = [];
  const tasks = new Map<NameWorker, Task>();
  let threads = 0;
  let broken = false;
  let timer: ReturnType<typeof setInterval> | undefined;

  function work(worker: NameWorker): void {
    const task = queue.shift();
    if (task === undefined) {
      tasks.delete(worker);
      idle.push(worker);
      return;
    }
    tasks.set(worker, task);
    worker.postMessage(task.question);
  }

  function start(): void {
    const worker = startWorker();
    threads++;
    worker.addEventListener("message", ({ data }: MessageEvent<LookUpAnswer>) => {
      tasks.get(worker)!.answer(data);
      work(worker);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      broken = true;
      threads--;
      for (const task of [tasks.get(worker), ...queue.splice(0)]) if (task !== undefined) askInstead(task);
      tasks.delete(worker);
    });
    worker.unref();
    work(worker);
  }

  /** Starts as many threads again as there are, as long as questions wait. */
  function grow(): void {
    if (queue.length === 0) {
      clearInterval(timer);
      timer = undefined;
      return;
    }
    for (let more = Math.min(threads, MOST_THREADS - threads, queue.length); more > 0; more--) start();
  }

  function askInstead({ question, answer }: Task): void {
    const asked =
      question.what === "name"
        ? instead.name(question.address)
        : instead.addresses(question.name, question.family);
    asked.then(answer, () => answer(question.what === "name" ? undefined : []));
  }

  function ask(question: LookUp): Promise<LookUpAnswer> {
    return new Promise((answer) => {
      if (broken) return askInstead({ question, answer });
      queue.push({ question, answer });
      const worker = idle.pop();
      if (worker !== undefined) return work(worker);
      if (threads === 0) start();
      timer ??= setInterval(grow, PATIENCE_MS);
    });
  }

  return {
    name: async (address) => (await ask({ what: "name", address })) as string | undefined,
    async addresses(name, family) {
      const families = family === undefined ? [AF_INET, AF_INET6] : [family];
      const found = families.map((each) => ask({ what: "addresses", name, family: each }));
      return (await Promise.all(found)).flat() as Uint8Array[];
    },
  };
}
