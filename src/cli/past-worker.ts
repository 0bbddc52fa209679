/** Entry point of the thread that answers requests about the past for `serve`. */
import { expectLongRun } from "#libc";
import { liveHost } from "../host/live.ts";
import type { ToPast } from "../serve/past-messages.ts";
import { pastService } from "../serve/past-service.ts";

expectLongRun();
const take = pastService(liveHost(), (message, transfer) => postMessage(message, transfer));
addEventListener("message", ({ data }: MessageEvent<ToPast>) => take(data));
