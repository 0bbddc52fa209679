import { describe, expect, test } from "bun:test";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { addressesOfName, type LookUp, type LookUpAnswer, nameOfAddress } from "./name-lookup.ts";
import { type NameWorker, threadedResolver } from "./name-threads.ts";

const address = (last: number) => Uint8Array.of(192, 0, 2, last);
const instead = {
  addresses: async () => [address(99)],
  name: async () => "instead",
};

/** Threads that answer when the test calls `answer`. */
function threads() {
  const all: { questions: LookUp[]; answer(answer: LookUpAnswer): void; fail(): void }[] = [];
  const start = (): NameWorker => {
    const listeners: Record<string, (event: unknown) => void> = {};
    const thread = {
      questions: [] as LookUp[],
      answer: (data: LookUpAnswer) => listeners["message"]!({ data }),
      fail: () => listeners["error"]!({ preventDefault() {} }),
    };
    all.push(thread);
    return {
      addEventListener: (type: string, listener: (event: never) => void) => {
        listeners[type] = listener as (event: unknown) => void;
      },
      postMessage: (question: LookUp) => thread.questions.push(question),
      unref() {},
    } as unknown as NameWorker;
  };
  return { all, start };
}

describe("threadedResolver()", () => {
  test("uses one thread as long as it answers at once", async () => {
    const { all, start } = threads();
    const resolver = threadedResolver(start, instead);
    for (const last of [1, 2, 3]) {
      const name = resolver.name(address(last));
      all[0]!.answer(`host-${last}`);
      expect(await name).toBe(`host-${last}`);
    }
    expect(all.length).toBe(1);
    expect(all[0]!.questions.length).toBe(3);
  });

  test("starts more threads while questions wait, and sends each question once", async () => {
    const { all, start } = threads();
    const resolver = threadedResolver(start, instead);
    const names = Array.from({ length: 100 }, (_, last) => resolver.name(address(last)));
    while (all.length < 64) await Bun.sleep(5);
    expect(all.every(({ questions }) => questions.length === 1)).toBe(true);
    for (let answered = 0; answered < names.length; )
      for (const thread of all)
        while (thread.questions.length > 0) {
          const { what, ...rest } = thread.questions.shift()!;
          expect(what).toBe("name");
          answered++;
          thread.answer(`host-${(rest as { address: Uint8Array }).address[3]}`);
        }
    expect(await Promise.all(names)).toEqual(names.map((_, last) => `host-${last}`));
    expect(all.length).toBe(64);
  });

  test("gives the IPv4 addresses of a name before the IPv6 addresses", async () => {
    const { all, start } = threads();
    const found = threadedResolver(start, instead).addresses("name", undefined);
    expect(all[0]!.questions).toEqual([{ what: "addresses", name: "name", family: AF_INET }]);
    all[0]!.answer([address(1)]);
    expect(all[0]!.questions[1]).toEqual({ what: "addresses", name: "name", family: AF_INET6 });
    all[0]!.answer([new Uint8Array(16)]);
    expect(await found).toEqual([address(1), new Uint8Array(16)]);
  });

  test("uses the other resolver if threads fail", async () => {
    const { all, start } = threads();
    const resolver = threadedResolver(start, instead);
    const names = [resolver.name(address(1)), resolver.name(address(2))];
    all[0]!.fail();
    expect(await Promise.all(names)).toEqual(["instead", "instead"]);
    expect(await resolver.addresses("name", AF_INET)).toEqual([address(99)]);
    expect(all.length).toBe(1);
  });
});

test("the C library knows localhost, and has no name for an address of documentation", () => {
  expect(addressesOfName("localhost", AF_INET)).toContainEqual(Uint8Array.of(127, 0, 0, 1));
  expect(addressesOfName("127.0.0.9", AF_INET)).toEqual([Uint8Array.of(127, 0, 0, 9)]);
  expect(addressesOfName("", AF_INET)).toEqual([]);
  expect(nameOfAddress(Uint8Array.of(127, 0, 0, 1))).toMatch(/./);
});
