/** Sockets that netstat shows where the kernel has them, and this program does not. */
import type { Files } from "../../../host/host.ts";
import type { NetstatSettings, OtherFamily } from "./options.ts";

/** A table or family that is not shown. */
export type NotShown = "sctp" | OtherFamily;

/** What netstat knows of such sockets. */
interface Kind {
  /** Its name in messages. */
  readonly name: string;
  /** The file below `/proc/net` of a kernel that has it. Debian's netstat is built without Bluetooth, which has none. */
  readonly file?: string;
}

/** All kinds, in netstat's order. */
const kinds: Readonly<Record<NotShown, Kind>> = {
  sctp: { name: "AF INET (sctp)", file: "sctp/eps" },
  ipx: { name: "AF IPX", file: "ipx/socket" },
  ax25: { name: "AF AX25", file: "ax25" },
  x25: { name: "AF X25", file: "x25" },
  netrom: { name: "AF NETROM", file: "nr" },
  rose: { name: "AF ROSE", file: "rose" },
  bluetooth: { name: "AF BLUETOOTH" },
};

/** The chosen families that are not shown, in netstat's order. */
export function notShown({ otherFamilies }: NetstatSettings): OtherFamily[] {
  return (Object.keys(kinds) as NotShown[]).filter(
    (name): name is OtherFamily => name !== "sctp" && otherFamilies.has(name),
  );
}

/** Why sockets are not shown: netstat's own words, unless the kernel has such sockets. */
export function whyNotShown(which: NotShown, files: Files, root: string): string {
  const { name, file } = kinds[which];
  if (file === undefined)
    return `feature \`${name}' not supported.\nPlease recompile \`net-tools' with newer kernel source or full configuration.`;
  const path = `${root}/net/${file}`;
  try {
    files.read(path);
  } catch {
    return `no support for \`${name}' on this system.`;
  }
  return `${name} sockets are not shown here: ${which === "sctp" ? "'ss -S'" : path} shows them`;
}
