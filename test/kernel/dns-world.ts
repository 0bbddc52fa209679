/**
 * Runs in network and mount namespaces of its own: listeners on as many loopback addresses, and the only name server,
 * which answers each question late or never. Says `ready`, and lives until its standard input ends.
 *
 * Usage: dns-world.ts FOLDER ADDRESSES DELAY_MS|never
 */
import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SOCK_STREAM } from "../../src/model/family.ts";
import { ipv4, listen, loopbackUp, openAt } from "./c.ts";

/** A domain name as text begins behind the header. RFC 1035, 4.1. */
const HEADER = 12;
/** QR and RD in the flags: an answer. */
const ANSWER = 0x8180;
const TYPE_PTR = 12;
const CLASS_IN = 1;

const [folder, addresses, delay] = process.argv.slice(2);

/** The answer to a question for the name of an address: `host-A-B-C-D.test`. */
function answerTo(question: Buffer): Buffer {
  const labels: Buffer[] = [];
  let at = HEADER;
  for (; question[at] !== 0; at += question[at]! + 1)
    labels.push(question.subarray(at + 1, at + 1 + question[at]!));
  const host = Buffer.from(`host-${labels.slice(0, 4).reverse().join("-")}`);
  const name = Buffer.concat([Buffer.of(host.length), host, Buffer.of(4), Buffer.from("test"), Buffer.of(0)]);
  const header = Buffer.from(question.subarray(0, HEADER));
  header.writeUInt16BE(ANSWER, 2);
  // One question, one answer, nothing else.
  header.writeUInt16BE(1, 6);
  header.fill(0, 8);
  const record = Buffer.alloc(12);
  // The name is that of the question.
  record.writeUInt16BE(0xc000 | HEADER, 0);
  record.writeUInt16BE(TYPE_PTR, 2);
  record.writeUInt16BE(CLASS_IN, 4);
  record.writeUInt16BE(name.length, 10);
  return Buffer.concat([header, question.subarray(HEADER, at + 5), record, name]);
}

loopbackUp();
for (let index = 0; index < Number(addresses); index++)
  listen(openAt(ipv4(`127.1.${index >> 8}.${index & 0xff}`, 1000), SOCK_STREAM), 1);
const resolvConf = join(folder!, "resolv.conf");
writeFileSync(resolvConf, "nameserver 127.0.0.1\n");
const mounted = Bun.spawnSync(["mount", "--bind", resolvConf, "/etc/resolv.conf"], { stderr: "inherit" });
if (!mounted.success) process.exit(1);
const server = createSocket("udp4");
server.on("message", (question, { port, address }) => {
  if (delay === "never") return;
  setTimeout(() => server.send(answerTo(question), port, address), Number(delay));
});
server.bind(53, "127.0.0.1", () => console.log("ready"));
process.stdin.on("end", () => process.exit()).resume();
