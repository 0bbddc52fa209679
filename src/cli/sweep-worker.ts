/** The entry point of the second thread, which helps to look through the descriptors of many processes. */
import { type SharedSweep, sweepFromEnd } from "../host/socket-sweep.ts";

addEventListener("message", ({ data }: MessageEvent<SharedSweep>) => sweepFromEnd(data));
