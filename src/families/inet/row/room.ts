/** Room for the details of inet rows. */

/** Bytes that all words of a struct tcp_info take at most. */
export const TCP_INFO_ROOM = 4096;
