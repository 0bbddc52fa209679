/**
 * UDP-Lite sockets for the commands that stand in for other programs. They are in /proc alone, in the form of UDP's, and
 * no kernel from 7.0 on has any.
 */
import type { Files } from "../../host/host.ts";
import type { Sources } from "../../procfs/source.ts";

const NEWLINE = 0x0a;

/** Sources whose UDP sockets are those of UDP-Lite. */
export function udpLiteSources(sources: Sources): Sources {
  return {
    ...sources,
    path(file) {
      if (file === "udp") return `${sources.root}/net/udplite`;
      return file === "udp6" ? `${sources.root}/net/udplite6` : sources.path(file);
    },
    withoutNetlink: (table) => table === "udp" || sources.withoutNetlink(table),
  };
}

/** Whether there are such sockets: lines behind the headings. */
export function hasUdpLite(files: Files, { root }: Sources): boolean {
  return ["udplite", "udplite6"].some((name) => {
    try {
      const bytes = files.read(`${root}/net/${name}`);
      return bytes.indexOf(NEWLINE) + 1 < bytes.length;
    } catch {
      return false;
    }
  });
}
