/** What an unprivileged user prepares does not hang, abort or bloat a run of root. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cutMark } from "../../src/enrich/process-details.ts";

setDefaultTimeout(120_000);

const executable = join(import.meta.dirname, "../../dist/sockscope");
const folder = mkdtempSync(join(tmpdir(), "sockscope-strangers-"));
chmodSync(folder, 0o755);
afterAll(() => rmSync(folder, { recursive: true }));

/** Gives itself a command line of a given length, in pages that are never touched, and listens. prctl(2), PR_SET_MM_MAP. */
const source = `
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
int main(int argc, char **argv) {
  size_t size = strtoull(argv[1], 0, 0);
  char *at = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return 2;
  unsigned long field[52];
  char line[4096], *end;
  FILE *file = fopen("/proc/self/stat", "r");
  if (!fgets(line, sizeof line, file)) return 3;
  end = strrchr(line, ')') + 2;
  char state;
  int used;
  sscanf(end, "%c%n", &state, &used);
  end += used;
  for (int n = 4; n <= 51; n++) field[n] = strtoul(end, &end, 10);
  struct prctl_mm_map map = {
    .start_code = field[26], .end_code = field[27], .start_stack = field[28], .start_data = field[45],
    .end_data = field[46], .start_brk = field[47], .brk = (unsigned long)sbrk(0), .arg_start = (unsigned long)at,
    .arg_end = (unsigned long)at + size, .env_start = field[50], .env_end = field[51], .exe_fd = -1,
  };
  if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0)) return 77;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  bind(fd, (struct sockaddr *)&address, length);
  listen(fd, 1);
  getsockname(fd, (struct sockaddr *)&address, &length);
  printf("%d\\n", ntohs(address.sin_port));
  fflush(stdout);
  pause();
}
`;

const compiler = Bun.which("cc") ?? Bun.which("gcc");
const missing = compiler === null || Bun.which("python3") === null;
const program = join(folder, "bigcmd");

describe.skipIf(missing)("a process with a command line of gigabytes (needs a C compiler and Python)", () => {
  let child: Bun.Subprocess<"ignore", "pipe", "inherit">;
  let port = 0;
  beforeAll(async () => {
    writeFileSync(join(folder, "bigcmd.c"), source);
    const { exitCode } = Bun.spawnSync([compiler!, "-o", program, join(folder, "bigcmd.c")]);
    expect(exitCode).toBe(0);
    child = Bun.spawn([program, String(2 ** 31)], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    const { value } = await child.stdout.getReader().read();
    port = Number(new TextDecoder().decode(value));
  });
  afterAll(() => child?.kill());

  test.each([
    "-tlnp --json",
    "-tlnp --csv",
    "-tln --columns=local,cmdline",
    "netstat -tlnp",
    "lsof -iTCP -n -P +fg",
    "doctor --for 0s",
    "top --json -n 1",
  ])("costs no more than 300 MB: %s", (command) => {
    // Where the kernel does not allow it, the program has ended.
    if (child.exitCode === 77) return;
    expect(port).toBeGreaterThan(0);
    // A child of ours would count our own memory as its own, from before it starts the program.
    const measure = [
      "import resource, subprocess, sys",
      "status = subprocess.run(sys.argv[1:]).returncode",
      "sys.stderr.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))",
      "sys.exit(status)",
    ].join("\n");
    const isListing = command.startsWith("-");
    const args = [...command.split(" "), ...(isListing ? ["sport", "=", `:${port}`] : [])];
    const { stdout, stderr, exitCode } = Bun.spawnSync(["python3", "-c", measure, executable, ...args], {
      stderr: "pipe",
    });
    expect(exitCode).toBe(0);
    if (isListing) {
      expect(stdout.toString()).toContain(cutMark);
      expect(stdout.length).toBeLessThan(20_000);
    }
    expect(Number(/\d+$/.exec(stderr.toString())?.[0])).toBeLessThan(300 << 10);
  });
});
