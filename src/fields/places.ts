/** The columns for the place of a socket: network namespace, container, systemd unit. */

import type { AnySocket as Socket } from "../diag/message.ts";
import { runtimes } from "../enrich/cgroup-path.ts";
import type { Column } from "./column.ts";
import type { NameSource } from "./names.ts";

/** The place of a socket of any kind, in the order of the JSON. */
export function placeColumns(names: NameSource): readonly Column<Socket>[] {
  const container = (socket: Socket) => names.cgroupOwner(socket)?.container;
  return [
    {
      key: "netns.name",
      type: "string",
      demand: "netns",
      doc: "name of the network namespace, as ip netns knows it",
      read: ({ origin }) => origin.netns?.name,
    },
    {
      key: "netns.pid",
      type: "integer",
      demand: "netns",
      doc: "lowest process id in the network namespace",
      read: ({ origin }) => origin.netns?.pid,
    },
    {
      key: "netns.inode",
      type: "integer",
      demand: "netns",
      doc: "inode of the network namespace",
      read: ({ origin }) => origin.netns?.inode,
    },
    {
      key: "container.runtime",
      type: "string",
      demand: "containers",
      words: runtimes,
      doc: "what runs the container; kubernetes where its control group names a pod only",
      read: (socket) => container(socket)?.runtime,
    },
    {
      key: "container.id",
      type: "string",
      demand: "containers",
      doc: "id of the container",
      read: (socket) => container(socket)?.id,
    },
    {
      key: "container.name",
      type: "string",
      demand: "containers",
      doc: "name of the container, if it is known without contacting a daemon",
      read: (socket) => container(socket)?.name,
    },
    {
      key: "container.pod.uid",
      type: "string",
      demand: "containers",
      doc: "uid of the Kubernetes pod",
      read: (socket) => container(socket)?.pod?.uid,
    },
    {
      key: "container.pod.namespace",
      type: "string",
      demand: "containers",
      doc: "Kubernetes namespace of the pod, from the names of its logs",
      read: (socket) => container(socket)?.pod?.namespace,
    },
    {
      key: "container.pod.name",
      type: "string",
      demand: "containers",
      doc: "name of the pod, from the names of its logs",
      read: (socket) => container(socket)?.pod?.name,
    },
    {
      key: "unit",
      type: "string",
      demand: "containers",
      doc: "the systemd unit that the socket's owner runs in, or that the socket was made in",
      read: (socket) => names.cgroupOwner(socket)?.unit,
    },
  ];
}
