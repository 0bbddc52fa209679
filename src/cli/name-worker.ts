/** The entry point of the threads that look up host names. */
import { answerLookUp, type LookUp } from "../host/name-lookup.ts";

addEventListener("message", ({ data }: MessageEvent<LookUp>) => postMessage(answerLookUp(data)));
