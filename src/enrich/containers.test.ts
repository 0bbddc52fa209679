import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { filesOf } from "../../test/tree.ts";
import type { Files } from "../host/host.ts";
import { liveFiles } from "../host/live.ts";
import { containerLabel, findContainers } from "./containers.ts";

const id = "3f4a".repeat(16);
const other = "00ff".repeat(16);
const uid = "2f9f8f0a-6d8c-4b53-8c0c-5d1c3d0e9a77";
const podSlice = `/kubepods.slice/kubepods-pod${uid.replaceAll("-", "_")}.slice`;

const files = filesOf({
  proc: {
    10: { cgroup: `0::/system.slice/docker-${id}.scope\n` },
    11: { cgroup: "0::/system.slice/nginx.service\n" },
    12: { cgroup: `9:pids:/docker/${id}\n1:name=systemd:/\n0::/\n` },
    13: { cgroup: "" },
  },
  etc: { passwd: "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n" },
  home: {
    ann: {
      ".local": {
        share: {
          containers: {
            storage: {
              "overlay-containers": {
                "containers.json": JSON.stringify([null, 7, { id: other, names: ["rootless"] }]),
              },
            },
          },
        },
      },
    },
  },
  var: {
    lib: {
      docker: { containers: { [id]: { "config.v2.json": JSON.stringify({ Name: "/web" }) } } },
      containers: {
        storage: {
          "overlay-containers": {
            "containers.json": JSON.stringify([{ id, names: ["db", "alias"] }, { id: 7 }, { names: [] }]),
          },
        },
      },
    },
    log: {
      containers: { [`shop-7d9_prod_front-end-${id}.log`]: "", "something else": "" },
      pods: { [`prod_shop-7d9_${uid}`]: {} },
    },
  },
});
const containers = findContainers(files, "/proc");

describe("findContainers()", () => {
  test("by process, with docker's name of the container", () => {
    const container = { runtime: "docker", id, name: "web" } as const;
    expect(containers.byProcess(10)).toEqual({ container, unit: `docker-${id}.scope` });
    expect(containers.byProcess(12)).toEqual({ container, unit: undefined });
  });

  test("a process in a unit, a process in none, and one that is gone", () => {
    expect(containers.byProcess(11)).toEqual({ container: undefined, unit: "nginx.service" });
    expect(containers.byProcess(13)).toEqual({ container: undefined, unit: undefined });
    expect(containers.byProcess(14)).toEqual({ container: undefined, unit: undefined });
  });

  test("podman's names, of root and of a user", () => {
    expect(containers.byPath(`/machine.slice/libpod-${id}.scope`).container?.name).toBe("db");
    const user = "/user.slice/user-1000.slice/user@1000.service/user.slice";
    expect(containers.byPath(`${user}/libpod-${other}.scope`).container?.name).toBe("rootless");
    expect(containers.byPath(`${user}/libpod-${id}.scope`).container).toEqual({ runtime: "podman", id });
  });

  test("a pod's names, from the names of its logs", () => {
    const pod = { uid, namespace: "prod", name: "shop-7d9" };
    expect(containers.byPath(`${podSlice}/cri-containerd-${id}.scope`).container).toEqual({
      runtime: "containerd",
      id,
      name: "front-end",
      pod,
    });
    // The container that only holds the pod's namespaces has no log.
    expect(containers.byPath(`${podSlice}/cri-containerd-${other}.scope`).container).toEqual({
      runtime: "containerd",
      id: other,
      pod,
    });
  });

  test("no names without files, and none from malformed ones", () => {
    const bare = findContainers(filesOf({}), "/proc");
    expect(bare.byPath(`${podSlice}/crio-${id}.scope`).container).toEqual({
      runtime: "cri-o",
      id,
      pod: { uid },
    });
    const broken = filesOf({ var: { lib: { docker: { containers: { [id]: { "config.v2.json": "{" } } } } } });
    expect(findContainers(broken, "/proc").byPath(`/docker/${id}`).container).toEqual({
      runtime: "docker",
      id,
    });
  });
});

test("a control group that a user named like a container of the host does not get its name", () => {
  const slice = "/user.slice/user-1000.slice/user@1000.service";
  expect(containers.byPath(`${slice}/docker-${id}.scope`).container).toEqual({ runtime: "docker", id });
  const forged = containers.byPath(`${slice}${podSlice}/cri-containerd-${id}.scope`).container;
  expect(forged).toEqual({ runtime: "containerd", id });
});

test("a list that is too long, a link or a FIFO in place of podman's only loses the name", () => {
  const home = mkdtempSync(join(tmpdir(), "home-"));
  try {
    const own = process.getuid!();
    const passwd = `ann:x:${own}:0::${home}:/bin/sh\n`;
    const files: Files = {
      ...liveFiles,
      read: (path, bound) =>
        path === "/etc/passwd" ? new TextEncoder().encode(passwd) : liveFiles.read(path, bound),
    };
    const list = join(home, ".local/share/containers/storage/overlay-containers/containers.json");
    mkdirSync(join(list, ".."), { recursive: true });
    const path = `/user.slice/user-${own}.slice/user@${own}.service/user.slice/libpod-${id}.scope`;
    const name = () => findContainers(files, "/proc").byPath(path).container?.name;

    writeFileSync(list, JSON.stringify([{ id, names: ["web"] }]));
    expect(name()).toBe("web");
    writeFileSync(list, JSON.stringify([{ id, names: ["web"] }]).padEnd(5 << 20));
    expect(name()).toBeUndefined();
    rmSync(list);
    symlinkSync("/dev/zero", list);
    expect(name()).toBeUndefined();
    rmSync(list);
    Bun.spawnSync(["mkfifo", list]);
    expect(name()).toBeUndefined();
  } finally {
    rmSync(home, { recursive: true });
  }
});

test("containerLabel()", () => {
  expect(containerLabel({ runtime: "docker", id, name: "web" })).toBe("docker:web");
  expect(containerLabel({ runtime: "docker", id })).toBe("docker:3f4a3f4a3f4a");
  const pod = { uid, namespace: "prod", name: "shop-7d9" };
  expect(containerLabel({ runtime: "cri-o", id, name: "front", pod })).toBe("cri-o:prod/shop-7d9/front");
  expect(containerLabel({ runtime: "kubernetes", id, pod: { uid } })).toBe("kubernetes:3f4a3f4a3f4a");
});
