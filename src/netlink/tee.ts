/** A transport that copies received datagrams to a sink. */
import { align4 } from "./message.ts";
import type { Transport } from "./transport.ts";

/**
 * Wraps a transport so that every received datagram also goes to a sink.
 *
 * @param write receives each datagram, padded to 4 bytes, the alignment of messages
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
