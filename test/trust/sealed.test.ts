/** The built executable does not become another program, whatever its environment says. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assembled, data, sealed, stubs } from "../../scripts/seal.ts";

// On a busy machine copies of 100 MB take a while.
setDefaultTimeout(120_000);

const executable = join(import.meta.dirname, "../../dist/sockscope");
const folder = mkdtempSync(join(tmpdir(), "sockscope-sealed-"));
chmodSync(folder, 0o777);
afterAll(() => rmSync(folder, { recursive: true }));

const script = join(folder, "foreign.js");
const marker = join(folder, "written");
writeFileSync(
  script,
  `require("node:fs").writeFileSync(${JSON.stringify(marker)}, ""); console.log("foreign code")`,
);

/** Variables that make an unsealed executable run other code, write files, print, or fail. */
const hostile: Readonly<Record<string, string>> = {
  BUN_BE_BUN: "1",
  BUN_OPTIONS: `--preload=${script}`,
  BUN_INSPECT_PRELOAD: script,
  BUN_INSPECT: "unix:///nonexistent",
  BUN_BYTECODE_ORDER_OUT: marker,
  BUN_BYTECODE_DIGEST_OUT: marker,
  BUN_JSC_useJIT: "0",
  BUN_JSC_dumpOptions: "2",
  BUN_JSC_bogus: "1",
  JSC_useJIT: "0",
  JavaScriptCoreUseJIT: "0",
  MIMALLOC_VERBOSE: "3",
  mimalloc_VERBOSE: "3",
  NODE_OPTIONS: `--require=${script}`,
  NODE_CHANNEL_FD: "1",
};

function run(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
  before: readonly string[] = [],
) {
  const { stdout, stderr, exitCode } = Bun.spawnSync([...before, program, ...args], {
    env: { PATH: process.env["PATH"]!, ...env },
    stderr: "pipe",
  });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exit: exitCode };
}

const python = Bun.which("python3");
const plain = run(executable, ["--help"], {});

describe("the executable ignores", () => {
  test.each(Object.entries(hostile))("%s", (name, value) => {
    expect(plain.stdout).toStartWith("Usage: sockscope");
    expect(run(executable, ["--help"], { [name]: value })).toEqual(plain);
    expect(readdirSync(folder)).not.toContain("written");
  });

  test.skipIf(python === null)("an empty entry in front of the rest of a name (needs Python)", () => {
    // Entries of the environment stand one behind the other: "", then what would follow the first byte of the name.
    const source = [
      "import ctypes, os, sys",
      "entries = [b'', b'UN_BE_BUN=1', b'UN_JSC_bogus=1', b'BUN_JSC_', b'BUN_BE_BUN=1', b'=BUN_BE_BUN=1']",
      "libc = ctypes.CDLL(None)",
      "program = sys.argv[1].encode()",
      "argv = (ctypes.c_char_p * 3)(program, b'--help', None)",
      "envp = (ctypes.c_char_p * (len(entries) + 1))(*entries, None)",
      "libc.execve(program, argv, envp)",
    ].join("\n");
    expect(run(python!, ["-c", source, executable], {})).toEqual(plain);
  });

  test("nothing that is ours", () => {
    const fixture = join(import.meta.dirname, "../fixtures/proc-net");
    const called = run(executable, ["--bogus"], { SOCKSCOPE_CALLED: "/usr/bin/ss" });
    expect(called.stderr).toStartWith("ss: unrecognized option");
    expect(run(executable, ["-tan", "--replay", fixture], { COLUMNS: "200" }).exit).toBe(0);
  });
});

const noCapabilities =
  process.getuid?.() !== 0 || Bun.which("setcap") === null || Bun.which("setpriv") === null;

test.skipIf(noCapabilities)(
  "with file capabilities, another user gets no code to run (needs root and setcap)",
  () => {
    const copy = join(folder, "capable");
    copyFileSync(executable, copy);
    chmodSync(copy, 0o755);
    const { exitCode } = Bun.spawnSync([
      "setcap",
      "cap_sys_ptrace,cap_dac_read_search,cap_net_admin+ep",
      copy,
    ]);
    expect(exitCode).toBe(0);
    const secret = join(folder, "secret");
    writeFileSync(secret, "the secret\n", { mode: 0o600 });
    writeFileSync(script, `console.log(require("node:fs").readFileSync(${JSON.stringify(secret)}, "utf8"))`);
    const stranger = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    for (const [name, value] of Object.entries(hostile))
      expect(run(copy, ["--help"], { [name]: value }, stranger)).toEqual(plain);
    const evaluated = run(copy, ["-e", readFileSync(script, "utf8")], { BUN_BE_BUN: "1" }, stranger);
    expect(evaluated.stdout + evaluated.stderr).not.toContain("the secret");
  },
);

const assembler = Bun.which("llvm-mc");
const objcopy = Bun.which("llvm-objcopy");

test.skipIf(assembler === null || objcopy === null).each([
  [62, "x86_64-linux"],
  [183, "aarch64-linux"],
])("the bytes of the entry code for machine %d are its instructions (needs llvm)", (machine, triple) => {
  const { code } = stubs[machine]!;
  const instructions = code.replace(/^ +[0-9a-f]+ +/gm, "").replace(/(#|\/\/) .*$/gm, "");
  const jump = machine === 62 ? ".byte 0xe9,0,0,0,0" : "done: b #0";
  const text = data();
  const message = text.indexOf(0) + 1;
  const prefixes = text.indexOf(0x0a) + 1;
  const source = `${instructions}\n${jump}\nfolder: .space ${message}\nmessage: .space ${prefixes - message}\nprefixes:\n`;
  writeFileSync(join(folder, "stub.s"), source);
  const object = join(folder, "stub.o");
  const binary = join(folder, "stub.bin");
  const made = Bun.spawnSync([
    assembler!,
    "-triple",
    triple,
    "-filetype=obj",
    join(folder, "stub.s"),
    "-o",
    object,
  ]);
  expect(made.stderr.toString()).toBe("");
  Bun.spawnSync([objcopy!, "-O", "binary", "-j", ".text", object, binary]);
  const bytes = assembled(code);
  expect(readFileSync(binary).subarray(0, bytes.length).toString("hex")).toBe(
    Buffer.from(bytes).toString("hex"),
  );
  // The length of the message stands in the program.
  expect(code).toContain(machine === 62 ? `$${prefixes - message}, %edx` : `x2, #${prefixes - message}`);
});

const alone = process.getuid?.() !== 0 || Bun.which("unshare") === null || Bun.which("chroot") === null;

describe("the executable says in one line what it lacks", () => {
  test("in a working directory that was deleted it works", () => {
    const script = 'cd "$(mktemp -d)" && rmdir "$PWD" && exec "$0" -V';
    const { stdout, stderr, exit } = run("sh", ["-c", script, executable], {});
    expect({ stderr, exit }).toEqual({ stderr: "", exit: 0 });
    expect(stdout).toStartWith("sockscope ");
  });

  test.skipIf(alone)("without /proc (needs root)", () => {
    const script = 'mount --make-rprivate / && umount -l /proc && exec "$0" -tan';
    expect(run("unshare", ["--mount", "sh", "-c", script, executable], {})).toEqual({
      stdout: "",
      stderr: "sockscope: /proc is not mounted: mount -t proc proc /proc\n",
      exit: 1,
    });
  });

  test.skipIf(python === null)("without executable memory (needs Python)", () => {
    // PR_SET_MDWE (65) with PR_MDWE_REFUSE_EXEC_GAIN (1) holds through execve(2). Linux 6.3.
    const source = [
      "import ctypes, os, sys",
      "refused = ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0",
      "sys.exit(77) if refused else os.execv(sys.argv[1], sys.argv[1:])",
    ].join("\n");
    const { stdout, stderr, exit } = run(python!, ["-c", source, executable, "-tan"], {});
    if (exit === 77) return;
    expect({ stdout, exit }).toEqual({ stdout: "", exit: 1 });
    expect(stderr).toMatch(/^sockscope: cannot call the C library: .*\n$/);
  });
});

test("sealing says so where it cannot be done", () => {
  expect(() => sealed(Buffer.from("#!/bin/sh\n".repeat(20)))).toThrow("not a 64-bit ELF file");
  expect(() => sealed(readFileSync(executable))).toThrow("sealed before");
});
