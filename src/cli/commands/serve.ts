/** `serve`: the sockets of this host on a page and over HTTP. */
import { FEWEST_SERIES, peerLabels, SERIES_LIMIT } from "../../metrics/limits.ts";
import { addressSpelling, DEFAULT_PORT, readAddress } from "../../serve/listen.ts";
import { EXIT_USAGE, type Stop } from "../getopt.ts";
import type { Command } from "./command.ts";
import { commandWords } from "./command-names.ts";
import type { ServeSettings } from "./serve/settings.ts";

const SHORTEST_S = 0.5;
const LONGEST_S = 3600;
const DELAY_MS = 1000;

function wrong(program: string, message: string): Stop {
  return { kind: "error", message: `${program}: serve: ${message}`, usage: false, status: EXIT_USAGE };
}

/** The command. */
export const serve: Command<ServeSettings> = {
  doc:
    `${commandWords.serve}. Prints the address of a page that shows the sockets of this host live, with a token in it ` +
    "that the page and scripts must send. Nothing is sent elsewhere, sockets are listed once at the start and then " +
    "only while somebody watches, and nothing can be changed unless --allow-kill is given. After it has begun, the process keeps only the privileges that listing needs: see " +
    "docs/serve.md. The sockets of the past come from the store of 'sockscope record', if there is one. Runs until it is " +
    "interrupted.",
  options: [
    {
      longs: ["listen"],
      inFull: true,
      value: { name: "ADDRESS", kind: "word" },
      brief: `Where to listen (127.0.0.1:${DEFAULT_PORT})`,
      doc: `Listen on ${addressSpelling} (default 127.0.0.1:${DEFAULT_PORT}). A UNIX socket needs no token: only you and root can connect to it. An address that other hosts can reach needs --tls-cert and --tls-key, or --insecure.`,
      apply(settings, value, program) {
        const address = readAddress(value);
        return address === undefined
          ? wrong(program, `address "${value}" is not ${addressSpelling}`)
          : { ...settings, address };
      },
    },
    {
      longs: ["host"],
      inFull: true,
      value: { name: "NAME", kind: "word" },
      brief: "A further name of this server; may be repeated",
      doc: "Answer requests that use this name for the server, in addition to localhost and its addresses; may be repeated. Requests with other names are refused, as a foreign page could have sent them (DNS rebinding).",
      apply(settings, value, program) {
        return /^[A-Za-z0-9._:-]{1,253}$/.test(value)
          ? { ...settings, hosts: [...settings.hosts, value.toLowerCase()] }
          : wrong(program, `host "${value}" is not a name or an address`);
      },
    },
    {
      longs: ["map-hosts"],
      inFull: true,
      value: { name: "HOSTS", kind: "hosts" },
      brief: "Draw a map of these hosts, too: web1,db[1-9]",
      doc: "Draw a map of the connections between these hosts, too: names as for --host of a listing. They are queried over ssh, every 10 seconds at most, while somebody watches the map. May be repeated.",
      apply: (settings, list) => ({ ...settings, mapHosts: [...settings.mapHosts, list] }),
    },
    {
      longs: ["token-file"],
      inFull: true,
      value: { name: "FILE", kind: "file" },
      brief: "Keep the token in this file",
      doc: "Use the token in this file, which is made with a new one if it does not exist. Only its owner may be able to read it. Without this option every run has a new token.",
      apply: (settings, tokenFile) => ({ ...settings, tokenFile }),
    },
    {
      longs: ["tls-cert"],
      inFull: true,
      value: { name: "FILE", kind: "file" },
      brief: "Certificate chain for HTTPS, in PEM",
      doc: "Serve HTTPS with this certificate chain, in PEM. Needs --tls-key.",
      apply: (settings, tlsCert) => ({ ...settings, tlsCert }),
    },
    {
      longs: ["tls-key"],
      inFull: true,
      value: { name: "FILE", kind: "file" },
      brief: "Key of the certificate, in PEM",
      doc: "The private key of the certificate, in PEM.",
      apply: (settings, tlsKey) => ({ ...settings, tlsKey }),
    },
    {
      longs: ["insecure"],
      inFull: true,
      brief: "Listen for other hosts without encryption",
      doc: "Listen on an address that other hosts can reach without TLS: everybody on the way can read the token and the sockets.",
      apply: (settings) => ({ ...settings, insecure: true }),
    },
    {
      longs: ["show-args"],
      inFull: true,
      brief: "Show the arguments of processes",
      doc: "Show the arguments of processes, which may hold secrets. Without it they are nowhere in the answers.",
      apply: (settings) => ({ ...settings, showArguments: true }),
    },
    {
      longs: ["allow-kill"],
      inFull: true,
      brief: "Let the page close sockets",
      doc: "Let the page and scripts close sockets, as -K does. They need a second token for that, which is printed beside the first.",
      apply: (settings) => ({ ...settings, allowKill: true }),
    },
    {
      longs: ["no-metrics"],
      inFull: true,
      brief: "No metrics for Prometheus",
      doc: "Do not answer at /metrics.",
      apply: (settings) => ({ ...settings, metrics: false }),
    },
    {
      longs: ["metrics-peers"],
      inFull: true,
      value: { name: "LABEL", kind: "word", choices: peerLabels },
      brief: "What metrics name a peer by (address)",
      doc: "What the label peer of metrics has: the peer's address (default), its network (/24 of IPv4, /64 of IPv6), or none.",
      apply(settings, value, program) {
        const metricsPeers = peerLabels.find((known) => known === value);
        return metricsPeers === undefined
          ? wrong(program, `metrics-peers "${value}" is not one of ${peerLabels.join(", ")}`)
          : { ...settings, metricsPeers };
      },
    },
    {
      longs: ["metrics-series"],
      inFull: true,
      value: { name: "N", kind: "number" },
      brief: `The most series of metrics (${SERIES_LIMIT})`,
      doc: `The most series that /metrics has (default ${SERIES_LIMIT}, minimum ${FEWEST_SERIES}). Fewer series leave more processes, peers and listeners in "other".`,
      apply(settings, value, program) {
        const series = /^\d{1,6}$/.test(value) ? Number(value) : Number.NaN;
        return series >= FEWEST_SERIES
          ? { ...settings, metricsSeries: series }
          : wrong(program, `metrics-series "${value}" is not a number from ${FEWEST_SERIES} to 999999`);
      },
    },
    {
      shorts: "d",
      longs: ["delay"],
      inFull: true,
      value: { name: "SECONDS", kind: "number" },
      brief: "Time between two samples (1)",
      doc: `Seconds between two samples while somebody watches (default 1, minimum ${SHORTEST_S}).`,
      apply(settings, value, program) {
        const seconds = /^\d*\.?\d+$/.test(value) ? Number(value) : Number.NaN;
        return seconds >= SHORTEST_S && seconds <= LONGEST_S
          ? { ...settings, delayMs: seconds * 1000 }
          : wrong(program, `delay "${value}" is not a number of seconds from ${SHORTEST_S} to ${LONGEST_S}`);
      },
    },
  ],
  settings: {
    address: { kind: "tcp", hostname: "127.0.0.1", port: DEFAULT_PORT },
    hosts: [],
    tokenFile: undefined,
    tlsCert: undefined,
    tlsKey: undefined,
    insecure: false,
    showArguments: false,
    allowKill: false,
    metrics: true,
    metricsPeers: "address",
    metricsSeries: SERIES_LIMIT,
    mapHosts: [],
    delayMs: DELAY_MS,
  },
  run: async (task) => (await import("./serve/run.ts")).runServe(task),
};
