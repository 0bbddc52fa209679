/** Entry point of the worker thread that helps to scan the descriptors of processes. */
import { type SharedSweep, sweepFromEnd } from "../host/socket-sweep.ts";

addEventListener("message", ({ data }: MessageEvent<SharedSweep>) => sweepFromEnd(data));
