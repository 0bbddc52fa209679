/** POST /api/kill: closes one socket, as -K does. The route exists only if the user allows it. */
import { inetTables } from "../model/inet-tables.ts";
import { destroy } from "../query/destroyed.ts";
import type { Problem } from "../query/query.ts";
import { limits } from "./guard.ts";
import type { Moments } from "./moments.ts";
import { problemSentence } from "./notes.ts";
import { Refusal } from "./problem.ts";
import type { Route } from "./route.ts";
import { basicWants, type Sampler } from "./sampler.ts";
import { jsonAnswer } from "./server.ts";
import { keyOf } from "./socket-id.ts";

/** What a client says of the socket that it wants closed. */
interface KillRequest {
  readonly id: string;
  readonly local: string;
  readonly peer: string;
}

/** Reads the body. @throws Refusal */
async function readBody(request: Request): Promise<KillRequest> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get("Content-Type") ?? ""))
    throw new Refusal(415, "The body must be application/json.");
  let text: string;
  try {
    text = await request.text();
  } catch {
    throw new Refusal(413, `The body is longer than ${limits.body} bytes, or was cut.`);
  }
  if (text.length > limits.body) throw new Refusal(413, `The body is longer than ${limits.body} bytes.`);
  try {
    const { id, local, peer } = JSON.parse(text) as { [key: string]: unknown };
    if (typeof id === "string" && typeof local === "string" && typeof peer === "string")
      return { id, local, peer };
  } catch {
    // Said below.
  }
  throw new Refusal(400, 'The body must be {"id": …, "local": …, "peer": …}, as in the row of the socket.');
}

/** The route. */
export function killRoute(sampler: Sampler, moments: Moments): Route {
  return {
    method: "POST",
    path: "/api/kill",
    doc: "Closes one TCP or UDP socket. The body names its id and both of its ends, so that only what was seen is closed.",
    access: "kill",
    parameters: [],
    types: ["application/json"],
    async handle({ request }) {
      const { id, local, peer } = await readBody(request);
      const key = keyOf(id);
      if (key === undefined) throw new Refusal(404, "This is not the id of a socket.");
      const wants = sampler.latest?.wants ?? basicWants;
      return moments.at(
        undefined,
        async () => wants,
        ({ table, sockets, query }) => {
          const slot = table.slotOf(key);
          const socket = slot === undefined ? undefined : sockets.at(slot);
          if (slot === undefined || socket?.kind !== "inet" || !table.isThat(socket, key))
            throw new Refusal(404, "There is no such socket.");
          if (table.local(slot) !== local || table.peer(slot) !== peer)
            throw new Refusal(409, "The socket has other ends than the body says.");
          const place = query.places.find(({ netns }) => netns === socket.origin.netns);
          const dump = table.dump(slot);
          if (place === undefined || !Object.hasOwn(inetTables, dump))
            throw new Refusal(409, "Sockets of this kind cannot be closed.");
          const problems: Problem[] = [];
          let closed = 0;
          for (const batch of destroy(place.host, [{ dump, sockets: [socket] }], (problem) =>
            problems.push(problem),
          ))
            closed += batch.sockets.length;
          if (closed === 0) {
            const [problem] = problems;
            const why =
              problem === undefined ? "It is gone, or the kernel refuses." : problemSentence(problem);
            throw new Refusal(409, `The socket was not closed. ${why ?? ""}`.trim());
          }
          return jsonAnswer(request, { closed: true });
        },
      );
    },
  };
}
