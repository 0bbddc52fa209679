/** XdpSockets as filters read them. */
import { AF_XDP } from "../../model/family.ts";
import { filterSubject } from "../filter-subject.ts";
import type { XdpSocket } from "./socket.ts";

/** Points the subject at a socket. */
export const xdpSubject = filterSubject<XdpSocket>({
  family: () => AF_XDP,
  sport: ({ queueId }) => queueId ?? 0,
  interfaceIndex: ({ interfaceIndex }) => interfaceIndex ?? 0,
});
