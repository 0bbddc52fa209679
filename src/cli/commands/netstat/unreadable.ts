/** netstat's note about processes whose descriptors it may not read. */
import type { Host } from "../../../host/host.ts";

const decoder = new TextDecoder();

/** Whether any readable process has a socket open, in this network namespace or another one. */
function anySocketReadable({ files }: Host, root: string): boolean {
  return files.list(root).some((pid) => {
    let found = false;
    if (/^\d+$/.test(pid))
      files.sockets?.(`${root}/${pid}/fd`, () => {
        found = true;
      });
    return found;
  });
}

/** What netstat says if it may not read the descriptors of some processes. @param root where /proc is */
export function unreadableNote(host: Host, root: string): string {
  if (anySocketReadable(host, root))
    return "(Not all processes could be identified, non-owned process info\n will not be shown, you would have to be root to see it all.)\n";
  let uid = 0;
  try {
    uid = Number(/^Uid:\s*\d+\s+(\d+)/m.exec(decoder.decode(host.files.read(`${root}/self/status`)))?.[1]);
  } catch {
    // Then it goes without the number.
  }
  return `(No info could be read for "-p": geteuid()=${uid} but you should be root.)\n`;
}
