/** Masks of TCP states by what may happen in them. RFC 9293 3.3.2. */
import {
  SS_CLOSING,
  SS_ESTABLISHED,
  SS_NEW_SYN_RECV,
  SS_SYN_RECV,
  SS_SYN_SENT,
  stateMask,
} from "../model/state.ts";

/** The mask of states. @param numbers as the kernel numbers them */
export const bit = (...numbers: number[]) => numbers.reduce((mask, number) => mask | (1 << number), 0);
const word = (name: string) => stateMask(name)!;

/** ESTABLISHED alone. */
export const ESTABLISHED = bit(SS_ESTABLISHED);
export const FIN_WAIT_2 = word("fin-wait-2");
export const CLOSE_WAIT = word("close-wait");
export const ENDING = word("fin-wait-1") | word("last-ack") | bit(SS_CLOSING);
export const OPENING = bit(SS_SYN_SENT, SS_SYN_RECV, SS_NEW_SYN_RECV);
/** The program may still write. */
export const WRITABLE = ESTABLISHED | CLOSE_WAIT;
/** Data may wait to be sent or acknowledged. */
export const SENDING = WRITABLE | ENDING;
/** Data may arrive. */
export const RECEIVING = ESTABLISHED | word("fin-wait-1") | FIN_WAIT_2;
