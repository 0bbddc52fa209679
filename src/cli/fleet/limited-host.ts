/** A host whose kernel is read only until a limit is reached: an agent's answer to a question. */
import type { Host } from "../../host/host.ts";
import type { NetlinkSocket } from "../../netlink/transport.ts";

function limitedSocket(socket: NetlinkSocket, check: () => void): NetlinkSocket {
  const { receiveInto, beginSend, isDrained } = socket;
  return {
    portId: socket.portId,
    send: (datagram) => socket.send(datagram),
    receive(allocate) {
      check();
      return socket.receive(allocate);
    },
    get recall() {
      return socket.recall;
    },
    close: () => socket.close(),
    ...(receiveInto && {
      receiveInto(buffer: Uint8Array) {
        check();
        return receiveInto.call(socket, buffer);
      },
    }),
    ...(beginSend && { beginSend: (datagram: Uint8Array) => beginSend.call(socket, datagram) }),
    ...(isDrained && { isDrained: () => isDrained.call(socket) }),
  };
}

/**
 * The same host, but a limit is checked before each datagram of netlink. So a question that no socket matches, one that
 * sorts or keeps all sockets, and one about all namespaces exceed the limit by one datagram at most.
 *
 * @param check throws when the limit is reached
 */
export function limitedHost(host: Host, check: () => void): Host {
  const { transport } = host;
  return {
    ...host,
    transport: {
      ...transport,
      open: (protocol, groups) => limitedSocket(transport.open(protocol, groups), check),
    },
  };
}
