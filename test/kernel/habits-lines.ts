/** Random command lines of netstat and lsof, for the sockets of habits-script.ts. */
import type { Random } from "./command-lines.ts";

/** Some of a list, each at most once, in the order of the draw. */
function some<T>(random: Random, list: readonly T[], most: number): T[] {
  const left = [...list];
  return Array.from({ length: random.below(most + 1) }, () => left.splice(random.below(left.length), 1)[0]!);
}

const netstatLetters = [..."tuUwxlanpeoW46NFC"];
const netstatWords = [
  "--tcp",
  "--udp",
  "--raw",
  "--unix",
  "--udplite",
  "--listening",
  "--all",
  "--numeric",
  "--numeric-hosts",
  "--numeric-ports",
  "--numeric-users",
  "--programs",
  "--extend",
  "--timers",
  "--wide",
  "--inet",
  "--inet6",
  "--tc",
  "--li",
  "--nu",
  "--numeric-h",
  "--pro",
  "--ext",
  "-A",
  "inet",
  "inet6,unix",
  "--protocol=unix",
  "--protocol=inet,inet6",
  "word",
];
const netstatWrong = ["-z", "--foo", "--n", "-A foo", "--ax25", "--tcp=x", "-tb"];

/** A command line of netstat. */
export function netstatLine(random: Random): string {
  const letters = some(random, netstatLetters, 6).join("");
  const words = random.once(3) ? some(random, netstatWords, 3) : [];
  const wrong = random.once(25) ? [random.of(netstatWrong)] : [];
  return [...(letters === "" ? [] : [`-${letters}`]), ...words, ...wrong].join(" ");
}

const sockets = [
  "-i",
  "-i4",
  "-i6",
  "-iTCP",
  "-iUDP",
  "-i udplite",
  "-i 4tcp",
  "-i 6udp",
  "-i :8080",
  "-i :8000-8100,5353",
  "-i TCP:8443,http-alt",
  "-i @127.0.0.1",
  "-i @[::1]",
  "-i 4TCP@127.0.0.1:8080",
  "-i 6:8443",
  "-i UDP@127.0.0.1",
  "-i :1",
  "-i @10.9.9.9",
  "-U",
];
const narrowing = [
  "-a -p 1",
  "-a -p 1,2,3,99999",
  "-p ^1",
  "-a -c bun",
  "-a -c cli",
  "-c ^bun",
  "-a -c /E/i",
  "-a -u root",
  "-a -u 33,nobody",
  "-u ^0",
  "-a -g 1",
  "-g ^1",
  "-a -d 3-7",
  "-a -d ^5,^6",
  "-a -d 1,5,9-12",
  "-sTCP:LISTEN",
  "-sTCP:^LISTEN,^CLOSE_WAIT",
  "-s TCP:established,time_wait",
  "-a",
];
const shown = [
  "-n",
  "-P",
  "-l",
  "-R",
  "-g",
  "-T",
  "-Tq",
  "-Tqs",
  "-Ts",
  "-o",
  "-s",
  "-o 5",
  "+c 0",
  "+c 5",
  "+c15",
  "+fg",
  "+fG",
  "-E",
  "-t",
  "-F",
  "-Fpn",
  "-F0",
  "-FptPnT0",
  "-Q",
  "-V",
  "-w",
  "+w",
  "-O",
  "+L",
  "-L",
  "-r1c1",
  "-r 1c1m==",
];
const wrong = [
  "-z",
  "-i foo",
  "-i :abc",
  "-i @",
  "-sFOO:X",
  "-sTCP:X",
  "+c 99",
  "-Fx",
  "-i :9-2",
  "-g x",
  "-d x-y",
];

/** A command line of lsof. */
export function lsofLine(random: Random): string {
  const chosen = [random.of(sockets), ...(random.once(3) ? [random.of(sockets)] : [])];
  const narrowed = random.once(2) ? some(random, narrowing, 2) : [];
  const mistakes = random.once(25) ? [random.of(wrong)] : [];
  // With -E lsof counts files that it does not show, and shows some that ^ takes out. It reads the c of -r1c1 as an option when it says what is missing.
  const styles = some(random, shown, 4).filter(
    (each, _, all) =>
      !(each === "-E" && narrowed.length > 0) &&
      !(
        each.startsWith("-r") &&
        (all.includes("-V") || all.find((other) => other.startsWith("-r")) !== each)
      ),
  );
  return ["-n", "-P", ...chosen, ...narrowed, ...styles, ...mistakes].join(" ");
}
