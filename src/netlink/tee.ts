/** A transport that also hands on what is received. */
import { align4 } from "./message.ts";
import type { Transport } from "./transport.ts";

/**
 * Passes every received datagram on to a sink beside its reader.
 *
 * @param write takes each datagram, padded to the 4 bytes that messages are aligned to
 */
export function teeTransport(inner: Transport, write: (bytes: Uint8Array) => void): Transport {
  return {
    familyByFamily: true,
    open(protocol, groups) {
      const socket = inner.open(protocol, groups);
      return {
        portId: socket.portId,
        send: (datagram) => socket.send(datagram),
        receive(allocate) {
          const datagram = socket.receive(allocate);
          const padded = new Uint8Array(align4(datagram.length));
          padded.set(datagram);
          write(padded);
          return datagram;
        },
        close: () => socket.close(),
      };
    },
  };
}
