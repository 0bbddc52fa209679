/** The transfers of transfers-script.ts. */

/** Transfers of one kind over connections to one port. */
export interface TransferKind {
  readonly name: string;
  readonly port: number;
  readonly way: "send" | "sendfile" | "splice";
  readonly isIpv6?: true;
  readonly connections: number;
  /** Bytes from the client to the server of each connection, and back. */
  readonly sent: number;
  readonly received: number;
  /** Bytes of one call. */
  readonly chunk?: number;
}

const MIB = 1 << 20;

export const transferKinds: readonly TransferKind[] = [
  { name: "bulk both ways", port: 5001, way: "send", connections: 1, sent: 4 * MIB, received: 3 * MIB },
  { name: "sendfile", port: 5002, way: "sendfile", connections: 1, sent: MIB, received: 0 },
  { name: "splice", port: 5003, way: "splice", connections: 1, sent: MIB, received: 0 },
  { name: "many small", port: 5004, way: "send", connections: 100, sent: 300, received: 500 },
  { name: "drip", port: 5005, way: "send", connections: 1, sent: 400, received: 200, chunk: 1 },
  { name: "IPv6", port: 5006, way: "send", isIpv6: true, connections: 2, sent: MIB, received: 2 * MIB },
];
