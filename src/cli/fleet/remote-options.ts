/** Which options are part of a question to another host. */

/** Options that an agent refuses, by the first long name of their row: they name its files, or change something. */
const refusals: Readonly<Record<string, string>> = {
  kill: "sockets are closed on the host itself",
  "kill-all": "sockets are closed on the host itself",
  filter: "the client reads the file",
  diag: "it writes a file",
  record: "it writes a folder",
  replay: "it reads a recording",
  store: "each host has a store of its own",
  events: "'events --host' follows them",
};

/** The options that choose the hosts, and how they are reached. */
const hostOptions: ReadonlySet<string> = new Set([
  "host",
  "hosts-file",
  "fleet",
  "nats-creds",
  "nats-nkey",
  "nats-login",
  "nats-ca",
  "nats-cert",
  "nats-key",
  "sign-key",
  "fold",
  "sudo",
  "host-timeout",
]);

/** Why an option cannot be part of a question to another host; undefined for one that can. */
export function remoteRefusal(long: string): string | undefined {
  if (hostOptions.has(long)) return "a host does not ask others";
  return Object.hasOwn(refusals, long) ? refusals[long] : undefined;
}

/** Whether an option is not part of the question: it concerns the hosts, or the client reads its file. */
export function isAskersOwn(long: string): boolean {
  return hostOptions.has(long) || long === "filter";
}
