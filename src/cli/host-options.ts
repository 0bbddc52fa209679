/** The options for the sockets of other hosts, over ssh and NATS. */
import { type CommandWord, remoteCommands } from "./commands/command-names.ts";
import type { Draft, HostChoice, NatsFiles } from "./draft.ts";
import { file, type Option } from "./option.ts";
import { readSeconds, set } from "./option-effects.ts";

/** The commands that query other hosts. */
const hostsCommands: readonly CommandWord[] = [...remoteCommands, "map"];

/** The options that choose other hosts. */
const choosesHosts = ["host", "hosts-file", "fleet"] as const;

/** An option that names a file for connections to NATS. */
function natsFile(field: keyof NatsFiles, brief: string, doc: string): Option {
  return {
    longs: [`nats-${field}`],
    inFull: true,
    value: file,
    category: "fleet",
    brief,
    doc,
    commands: [...hostsCommands, "agent"],
    needs: ["fleet"],
    apply: (draft, path) => ({ ...draft, natsFiles: { ...draft.natsFiles, [field]: path } }),
  };
}

/** Adds to the hosts to query. */
function choosing(draft: Draft, { lists = [], files = [] }: Partial<HostChoice>): Draft {
  const { hosts = { lists: [], files: [] } } = draft;
  return { ...draft, hosts: { lists: [...hosts.lists, ...lists], files: [...hosts.files, ...files] } };
}

/** The rows of these options in the table. */
export const hostOptions: readonly Option[] = [
  {
    longs: ["host"],
    inFull: true,
    value: { name: "HOSTS", kind: "hosts" },
    category: "hosts",
    brief: "List the sockets of these hosts over ssh: web1,db[1-9]",
    doc: "List the sockets of other hosts, over ssh, instead of those of this one: names separated by commas, with ranges of numbers in brackets. May be repeated. Each host needs sockscope, and a key that ssh knows. Every row says which host it is from; hosts without a whole answer are named on standard error, and the exit status is 1.",
    commands: hostsCommands,
    apply: (draft, list) => choosing(draft, { lists: [list] }),
    excludes: {
      options: ["kill", "kill-all", "diag", "record", "replay", "store", "net"],
      reason: (other) => `${other} cannot be combined with --host`,
    },
  },
  {
    longs: ["hosts-file"],
    inFull: true,
    value: { name: "FILE", kind: "file" },
    category: "hosts",
    brief: "Those of the hosts in a file, a list on each line",
    doc: "List the sockets of the hosts that a file names: a list as for --host on each line, # begins a comment. May be repeated.",
    commands: hostsCommands,
    apply: (draft, path) => choosing(draft, { files: [path] }),
  },
  {
    longs: ["fleet"],
    inFull: true,
    value: { name: "URL", kind: "hosts" },
    category: "fleet",
    brief: "Query the agents at this server: nats://HOST:PORT",
    doc: "Send the query to every host that runs 'sockscope agent --nats', over a NATS server (nats://HOST:PORT, tls://HOST:PORT; several of one cluster separated by commas), or with --host to some of them. Every row says which host it is from; hosts of the fleet without a whole answer are named on standard error, and the exit status is 1.",
    commands: hostsCommands,
    apply: (draft, fleet) => ({ ...draft, fleet }),
    excludes: {
      options: ["kill", "kill-all", "diag", "record", "replay", "store", "net", "sudo"],
      reason: (other) => `${other} cannot be combined with --fleet`,
    },
  },
  natsFile(
    "creds",
    "Connect to NATS with this credentials file",
    "Connect to NATS with the JWT and the NKey of this credentials file.",
  ),
  natsFile(
    "nkey",
    "Connect to NATS with this NKey seed",
    "Connect to NATS with the NKey whose seed is in this file.",
  ),
  natsFile(
    "login",
    "Connect to NATS with the user:password of this file",
    "Connect to NATS with the first line of this file: user:password, or a token.",
  ),
  natsFile(
    "ca",
    "Trust NATS servers with these authorities, PEM",
    "Connect to NATS over TLS, and trust the authorities whose certificates (PEM) are in this file.",
  ),
  natsFile(
    "cert",
    "Show NATS servers this certificate, PEM",
    "Connect to NATS over TLS with this client certificate (PEM); its key is in the file of --nats-key.",
  ),
  natsFile("key", "The key of --nats-cert, PEM", "The private key (PEM) of the certificate of --nats-cert."),
  {
    longs: ["sign-key"],
    inFull: true,
    value: file,
    category: "fleet",
    brief: "Sign queries to a fleet with this key",
    doc: "Sign queries to a fleet with the key of this file, which 'sockscope agent --make-key' has made: agents with --trust answer no others.",
    commands: hostsCommands,
    needs: ["fleet"],
    apply: (draft, signKey) => ({ ...draft, signKey }),
  },
  {
    longs: ["fold"],
    inFull: true,
    category: "hosts",
    brief: "Show equal answers of several hosts once",
    doc: "Show an answer that several hosts give once, with their names as ranges. With 'map', programs that play the same part on several hosts are one.",
    commands: ["doctor", "history", "map"],
    needs: choosesHosts,
    apply: set({ fold: true }),
  },
  {
    longs: ["sudo"],
    inFull: true,
    category: "hosts",
    brief: "Run the far side as root, by sudo -n",
    doc: "Run the far side as root by 'sudo -n', which must not need a password there.",
    commands: [...hostsCommands, "serve"],
    needs: choosesHosts,
    apply: set({ sudo: true }),
  },
  {
    longs: ["host-timeout"],
    inFull: true,
    value: { name: "SECONDS", kind: "number" },
    category: "hosts",
    brief: "Total time for the answers of hosts (default 30)",
    doc: "Spend at most this long on the answers of all hosts together; a third of it, at most 10 seconds, on connecting to one. The default is 30; events have no limit.",
    commands: [...hostsCommands, "serve"],
    needs: choosesHosts,
    apply: readSeconds("hostTimeoutMs"),
  },
];
