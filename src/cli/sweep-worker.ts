/** Entry point of the worker thread that helps to scan the descriptors of processes. */
import { expectLongRun } from "#libc";
import { type SharedSweep, sweepFromEnd } from "../host/socket-sweep.ts";

expectLongRun();
addEventListener("message", ({ data }: MessageEvent<SharedSweep>) => sweepFromEnd(data));
