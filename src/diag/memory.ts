/** How much memory a socket holds. linux/sock_diag.h, linux/inet_diag.h. */
import { type View, view } from "../bytes/layout.ts";
import type { FactLayout } from "../model/fact.ts";

/** The SK_MEMINFO array, whose words have been added one by one. */
export const skMemInfo = {
  rmemAlloc: {
    offset: 0,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    group: ["Queues", 3],
    kernel: "SK_MEMINFO_RMEM_ALLOC",
    doc: "memory of received packets",
  },
  rcvbuf: {
    offset: 4,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    group: ["Queues", 4],
    kernel: "SK_MEMINFO_RCVBUF",
    doc: "limit of the receive buffer",
  },
  wmemAlloc: {
    offset: 8,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    group: ["Queues", 6],
    kernel: "SK_MEMINFO_WMEM_ALLOC",
    doc: "memory of packets given to the device",
  },
  sndbuf: {
    offset: 12,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    group: ["Queues", 7],
    kernel: "SK_MEMINFO_SNDBUF",
    doc: "limit of the send buffer",
  },
  fwdAlloc: {
    offset: 16,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "SK_MEMINFO_FWD_ALLOC",
    doc: "memory reserved and not used yet",
  },
  wmemQueued: {
    offset: 20,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    group: ["Queues", 5],
    kernel: "SK_MEMINFO_WMEM_QUEUED",
    doc: "memory of packets queued to be sent",
  },
  optmem: {
    offset: 24,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "SK_MEMINFO_OPTMEM",
    doc: "memory of socket options",
  },
  backlog: {
    offset: 28,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    group: ["Queues", 8],
    kernel: "SK_MEMINFO_BACKLOG",
    since: "3.1",
    doc: "memory of received packets that wait for the socket's lock",
  },
  drops: {
    offset: 32,
    type: "u32",
    unit: "packets",
    metric: "counter",
    group: ["Queues", 9],
    kernel: "SK_MEMINFO_DROPS",
    since: "4.7",
    doc: "packets dropped before the application received them",
  },
} as const satisfies FactLayout;

/** View of an SK_MEMINFO array. */
export const SkMemInfo = view(skMemInfo);
/** View of an SK_MEMINFO array. */
export interface SkMemInfo extends View<typeof skMemInfo> {}

/** struct inet_diag_meminfo: what kernels before SK_MEMINFO send. */
export const inetMemInfo = {
  rmem: {
    offset: 0,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "idiag_rmem",
    doc: "memory of received packets",
  },
  wmem: {
    offset: 4,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "idiag_wmem",
    doc: "memory of packets queued to be sent",
  },
  fmem: {
    offset: 8,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "idiag_fmem",
    doc: "memory reserved and not used yet",
  },
  tmem: {
    offset: 12,
    type: "u32",
    unit: "bytes",
    metric: "gauge",
    kernel: "idiag_tmem",
    doc: "memory of packets given to the device",
  },
} as const satisfies FactLayout;

/** View of a struct inet_diag_meminfo. */
export const InetMemInfo = view(inetMemInfo);
/** View of a struct inet_diag_meminfo. */
export interface InetMemInfo extends View<typeof inetMemInfo> {}
