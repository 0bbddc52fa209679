import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type ContainerInPath,
  cgroupPaths,
  containerInPath,
  type Runtime,
  unitInPath,
} from "./cgroup-path.ts";

const id = "3f4a".repeat(16);
const outer = "00ff".repeat(16);
const pod = "2f9f8f0a-6d8c-4b53-8c0c-5d1c3d0e9a77";
const podScope = pod.replaceAll("-", "_");
const staticPod = "c1b2a3d4".repeat(4);

const known: readonly (readonly [path: string, runtime: Runtime, id: string, podUid?: string])[] = [
  [`/docker/${id}`, "docker", id],
  [`/system.slice/docker-${id}.scope`, "docker", id],
  [`/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${id}.scope`, "docker", id],
  [`/system.slice/docker-${id}.scope/init.scope`, "docker", id],
  [`/docker/${outer}/docker/${id}`, "docker", id],
  [`/ecs/5c6e7a8b9c0d1e2f3a4b5c6d7e8f9a0b/${id}`, "docker", id],
  [`/ecs/cluster/5c6e/${id}`, "docker", id],
  [`/actions_job/${id}`, "docker", id],
  [
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${podScope}.slice/cri-containerd-${id}.scope`,
    "containerd",
    id,
    pod,
  ],
  [
    `/system.slice/containerd.service/kubepods-besteffort-pod${podScope}.slice:cri-containerd:${id}`,
    "containerd",
    id,
    pod,
  ],
  [`/kubepods.slice/kubepods-pod${podScope}.slice/cri-containerd-${id}.scope`, "containerd", id, pod],
  [
    `/system.slice/docker-${outer}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod${podScope}.slice/cri-containerd-${id}.scope`,
    "containerd",
    id,
    pod,
  ],
  [`/user.slice/user-1000.slice/user@1000.service/user.slice/nerdctl-${id}.scope`, "containerd", id],
  [
    `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${podScope}.slice/crio-${id}.scope`,
    "cri-o",
    id,
    pod,
  ],
  [`/kubepods/besteffort/pod${pod}/crio-${id}`, "cri-o", id, pod],
  [`/kubepods/burstable/pod${pod}/${id}`, "kubernetes", id, pod],
  [`/kubepods/pod${pod}/${id}`, "kubernetes", id, pod],
  [`/kubepods/burstable/pod${staticPod}/${id}`, "kubernetes", id, staticPod],
  [`/docker/${outer}/kubelet/kubepods/besteffort/pod${pod}/${id}`, "kubernetes", id, pod],
  [
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${podScope}.slice/docker-${id}.scope`,
    "docker",
    id,
    pod,
  ],
  [`/machine.slice/libpod-${id}.scope`, "podman", id],
  [`/machine.slice/libpod-${id}.scope/container`, "podman", id],
  [`/machine.slice/machine-libpod_pod_${outer}.slice/libpod-${id}.scope/container`, "podman", id],
  [`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${id}.scope/container`, "podman", id],
  [`/system.slice/web.service/libpod-payload-${id}`, "podman", id],
  [`/libpod_parent/libpod-${id}`, "podman", id],
  [
    "/machine.slice/machine-build\\x2droot.scope/payload/system.slice/ssh.service",
    "systemd-nspawn",
    "build-root",
  ],
  ["/machine.slice/systemd-nspawn@debian.service/payload", "systemd-nspawn", "debian"],
  ["/lxc.payload.web/system.slice/nginx.service", "lxc", "web"],
  ["/lxc.payload/web", "lxc", "web"],
  ["/lxc/101/ns/system.slice/cron.service", "lxc", "101"],
  [`/lxc.payload.c1/system.slice/docker-${id}.scope`, "docker", id],
];

describe("containerInPath()", () => {
  test.each(known.map((row) => [row[0], row] as const))("%s", (path, [, runtime, id, podUid]) => {
    expect(containerInPath(path)).toEqual({ runtime, id, podUid } satisfies ContainerInPath);
  });

  test.each([
    "/",
    "",
    "/system.slice/nginx.service",
    "/user.slice/user-1000.slice/session-3.scope",
    "/system.slice/docker.service",
    "/system.slice/containerd.service",
    `/machine.slice/libpod-conmon-${id}.scope`,
    `/kubepods.slice/crio-conmon-${id}.scope`,
    `/system.slice/web.service/runtime`,
    "/lxc.monitor.web",
    "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
    `/docker/${id.slice(1)}`,
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${podScope}.slice`,
  ])("none in %p", (path) => {
    expect(containerInPath(path)).toBeUndefined();
  });

  test("accepts any text", () => {
    const part = fc.constantFrom(
      "docker",
      "kubepods",
      "lxc",
      "-",
      ":",
      ".scope",
      ".slice",
      `pod${pod}`,
      id,
      "\\x",
    );
    const text = fc.array(fc.oneof(part, fc.constant("/"), fc.string())).map((parts) => `/${parts.join("")}`);
    fc.assert(
      fc.property(text, (path) => {
        const found = containerInPath(path);
        return found === undefined || found.id.length > 0;
      }),
    );
  });
});

test.each([
  ["/system.slice/nginx.service", "nginx.service"],
  ["/user.slice/user-1000.slice/user@1000.service/app.slice/firefox.service", "firefox.service"],
  ["/user.slice/user-1000.slice/session-3.scope", "session-3.scope"],
  ["/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"],
  [`/system.slice/docker-${id}.scope`, `docker-${id}.scope`],
  ["/system.slice/foo.service/worker/1", "foo.service"],
  ["/user.slice/user-1000.slice", undefined],
  [`/docker/${id}`, undefined],
  ["/", undefined],
])("the unit of %p is %p", (path, unit) => {
  expect(unitInPath(path)).toBe(unit);
});

test("cgroupPaths() puts the most informative path first", () => {
  expect(cgroupPaths("0::/system.slice/ssh.service\n")).toEqual(["/system.slice/ssh.service"]);
  expect(cgroupPaths("12:cpu,cpuacct:/a\n1:name=systemd:/b\n0::/c\n")).toEqual(["/c", "/b", "/a"]);
  expect(cgroupPaths("9:name=systemd:/\n2:pids:/docker/x:y\n0::/\n")).toEqual(["/docker/x:y", "/", "/"]);
  expect(cgroupPaths("")).toEqual([]);
});
