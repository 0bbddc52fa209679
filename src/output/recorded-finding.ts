/** Findings that the recorder has kept. */
import type { Json } from "../model/json.ts";
import type { StoredFinding } from "../store/noted.ts";

/** What the store has of a finding beyond its columns. */
function details(data: string): { readonly [key: string]: Json } {
  try {
    const { values = {}, evidence = [], socketCount = 0, sockets = [] } = JSON.parse(data);
    return { values, evidence, socketCount, sockets };
  } catch {
    return {};
  }
}

/** A finding of the past as an object, as `history findings --json` prints it. */
export function recordedFindingObject(finding: StoredFinding): { readonly [key: string]: Json } {
  const { rule, severity, subject, title, netns, firstMs, lastMs, clearedMs, data } = finding;
  return {
    rule,
    severity,
    subject,
    title,
    ...(netns === undefined
      ? {}
      : {
          netns: {
            ...(netns.name === undefined ? {} : { name: netns.name }),
            ...(netns.pid === undefined ? {} : { pid: netns.pid }),
            inode: netns.inode,
          },
        }),
    firstSeen: new Date(firstMs).toISOString(),
    lastSeen: new Date(lastMs).toISOString(),
    ...(clearedMs === undefined ? {} : { cleared: new Date(clearedMs).toISOString() }),
    ...details(data),
  };
}
