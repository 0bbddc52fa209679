/** TipcSockets as filters read them. */
import { AF_TIPC } from "../../model/family.ts";
import { filterSubject } from "../filter-subject.ts";
import type { TipcSocket } from "./socket.ts";

/** Points the subject at a socket. */
export const tipcSubject = filterSubject<TipcSocket>({
  family: () => AF_TIPC,
  sourceWord: ({ node }) => node ?? 0,
  destinationWord: ({ connection }) => connection?.node ?? 0,
  sport: ({ ref }) => ref ?? 0,
  dport: ({ connection }) => connection?.ref ?? 0,
});
