/**
 * Runs as the first process of a fresh network and process namespace: makes the sockets of every factory, starts
 * processes of hostile names and of other users with sockets of their own, says `ready`, and keeps all of it until its
 * standard input ends.
 *
 * Usage: habits-script.ts FOLDER
 */
import { writeFileSync } from "node:fs";
import { loopbackUp } from "./c.ts";
import { type FactoryName, factories } from "./factories.ts";

/** A process: its name, its user, and the body of a script that makes its sockets. */
const processes: readonly (readonly [name: string, uid: number, body: string])[] = [
  ["evil\x1b[31m\nx y", 0, `Bun.listen({ hostname: "127.0.0.1", port: 8080, socket: { data() {} } });`],
  [
    "a name (blank)",
    65534,
    `Bun.listen({ hostname: "0.0.0.0", port: 8000, socket: { data() {} } });
     await Bun.udpSocket({ hostname: "127.0.0.1", port: 5354 });`,
  ],
  ["longcommandname", 1, `Bun.listen({ hostname: "::", port: 8443, socket: { data() {} } });`],
  [
    "client",
    33,
    `for (const port of [8080, 8000, 8443])
       await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
     await Bun.connect({ hostname: "::1", port: 8443, socket: { data() {} } });
     const udp = await Bun.udpSocket({ hostname: "127.0.0.1", port: 6000, connect: { hostname: "127.0.0.1", port: 6001 } });
     const back = await Bun.udpSocket({ hostname: "127.0.0.1", port: 6001, connect: { hostname: "127.0.0.1", port: 6000 } });
     globalThis.keep = [udp, back];`,
  ],
  [
    "paths",
    0,
    `for (const path of ["with blank", "\\x1b[1mx", "utf8\\u00e9", "line\\nend", "\\0abstract\\0two", "\\u202ebidi"])
       Bun.listen({ unix: path, socket: { data() {} } });`,
  ],
];

const [folder] = process.argv.slice(2);
loopbackUp();
for (const [name, uid, body] of processes) {
  const script = `require("node:fs").writeFileSync("/proc/self/comm", ${JSON.stringify(name)});
    process.chdir(${JSON.stringify(folder)});
    ${body}
    process.setgid?.(${uid}); process.setuid?.(${uid});
    console.log("ready");
    setInterval(() => {}, 1e6);`;
  const path = `${folder}/${uid}-${processes.findIndex((each) => each[0] === name)}.mjs`;
  writeFileSync(path, script.replace('require("node:fs")', '(await import("node:fs"))'));
  const child = Bun.spawn([process.execPath, path], { stdin: "ignore", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  if (value === undefined) throw new Error(`No process ${name}`);
}
// After these, as their ports are fixed: a factory may be given any port.
for (const name of Object.keys(factories) as FactoryName[]) factories[name](folder!);
console.log("ready");
await Bun.stdin.bytes();
