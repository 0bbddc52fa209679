import { describe, expect, test } from "bun:test";
import type { BpfMap, Host } from "../host/host.ts";
import { performActions } from "./actions.ts";
import type { World } from "./world.ts";

/** What comes of `--bpf-map-id=5` where bpf(2) gives this. */
function openMap(answer: Partial<BpfMap> | number, replay?: string) {
  const bpf = async () => ({ map: () => answer, btf: () => undefined });
  const world = { program: "ss", host: { bpf } as unknown as Host } as World;
  const actions = [{ kind: "bpfMap", id: 5 }] as const;
  return performActions(world, replay === undefined ? { actions } : { actions, replay });
}

const failure = (message: string) => ({ kind: "error" as const, message, usage: false, status: 1 });

describe("--bpf-map-id", () => {
  test("only opens the map", async () => {
    expect(await openMap({ type: 24 })).toEqual({});
  });

  test("reports a missing map in ss's words", async () => {
    expect(await openMap(-2)).toEqual(failure("ss: cannot get fd for BPF map ID 5"));
    const privileges = "missing root permissions, CAP_BPF, or CAP_SYS_ADMIN";
    expect(await openMap(-1)).toEqual(failure(`ss: cannot get fd for BPF map ID 5: ${privileges}`));
  });

  test("rejects a map of another type in ss's words", async () => {
    const message = "ss: BPF map with ID 5 has type ID 2, expecting 24 ('sk_storage')";
    expect(await openMap({ type: 2 })).toEqual(failure(message));
  });

  test("does not open this machine's maps for a recording", async () => {
    expect(await openMap(-2, "recording")).toEqual({});
  });
});
