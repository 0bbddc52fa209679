/**
 * Runs in a network namespace of its own: makes listeners, each of them held by a process of its own and bound to the
 * loopback interface, which it renames. Says which process holds which port, as JSON, and lives until its standard
 * input ends.
 *
 * Usage: netns-world.ts INTERFACE PROCESSES
 */
import { SOCK_STREAM } from "../../src/model/family.ts";
import { addressOf, bind, close, ipv4, listen, loopbackUp, open, SOL_SOCKET, setOption } from "./c.ts";

/** asm-generic/socket.h. */
const SO_BINDTODEVICE = 25;

const [name, processes] = process.argv.slice(2);

/** A listener, and a process that has it open until we end. */
function hold(): { readonly pid: number; readonly port: number } {
  const address = ipv4("127.0.0.1");
  const fd = open(address[0]!, SOCK_STREAM);
  setOption(fd, SOL_SOCKET, SO_BINDTODEVICE, name!);
  bind(fd, address);
  listen(fd, 1);
  const port = new DataView(addressOf(fd).buffer).getUint16(2);
  const { pid } = Bun.spawn(["cat"], { stdio: ["pipe", "ignore", "ignore", fd] });
  close(fd);
  return { pid, port };
}

loopbackUp(name);
console.log(JSON.stringify(Array.from({ length: Number(processes) }, hold)));
await Bun.stdin.bytes();
process.exit();
