/** A browser and a server in a network namespace of their own. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { obstacle, startWorld } from "../kernel/namespace.ts";

/** How long anything on a page may take on a busy machine, in milliseconds. */
export const PATIENCE = 45_000;
const CHROMIUM = "/usr/bin/chromium";
const EXECUTABLE = join(import.meta.dirname, "../../dist/sockscope");
const ORIGIN = "http://127.0.0.1:7787";

/** A browser that sends requests to nobody but the page's server. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Why the tests cannot run here; undefined if they can. */
export function browserObstacle(): string | undefined {
  if (Bun.which(CHROMIUM) === null) return "chromium is not installed";
  return obstacle;
}

/** A server that can be stopped and started again. */
export interface Stage extends AsyncDisposable {
  readonly token: string;
  /** The token for closing sockets. */
  readonly killToken: string;
  /** Opens a page with the token in its address. @param view the fragment of the view, without `#` */
  open(view?: string, options?: BrowserContextOptions): Promise<Page>;
  /** Opens the address as it is. */
  openAddress(address: string, options?: BrowserContextOptions): Promise<Page>;
  stopServer(): Promise<void>;
  startServer(): Promise<void>;
  /** What pages wrote to their consoles as errors, and requests to anywhere else. */
  readonly complaints: string[];
}

/** Answers that are part of a test: the browser reports each as an error. */
const expectedComplaint =
  /status of (400|401|403|404|503)|net::ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|CONNECTION_RESET|SOCKET_NOT_CONNECTED)/;

/** Starts the world of world.ts, with a server and a browser in it. */
export async function openStage(): Promise<Stage> {
  const world = await startWorld("../page/world.ts", []);
  const folder = mkdtempSync(join(tmpdir(), "sockscope-page-"));
  const tokenFile = join(folder, "token");
  const store = join(folder, "store");
  const user = process.getuid?.() === 0 ? [] : ["--user", "--preserve-credentials"];
  const enter = ["nsenter", "--target", `${world.pid}`, ...user, "--net", "--"];
  const complaints: string[] = [];
  let server: Bun.Subprocess<"ignore", "pipe", "inherit"> | undefined;

  // Stands in for ssh(1): each host is this one, but for one that does not answer.
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const refusal = 'echo "ssh: connect to host $2 port 22: Connection refused" >&2; exit 255';
  const ssh = `while [ "$1" != -- ]; do shift; done\ncase $2 in gone*) ${refusal} ;; esac\nexec ${EXECUTABLE} agent --stdio\n`;
  writeFileSync(join(bin, "ssh"), `#!/bin/sh\n${ssh}`, { mode: 0o700 });
  const env = { ...process.env, PATH: `${bin}:${process.env["PATH"]}` };

  async function startServer(): Promise<void> {
    const options = ["-d", "0.5", "--allow-kill", "--token-file", tokenFile, "--store", store];
    const command = [EXECUTABLE, "serve", ...options, "--map-hosts", "web1,gone1"];
    server = Bun.spawn([...enter, ...command], { stdin: "ignore", stdout: "pipe", stderr: "inherit", env });
    await server.stdout.getReader().read();
  }
  async function stopServer(): Promise<void> {
    server?.kill();
    await server?.exited;
  }

  const recorder = Bun.spawn([...enter, EXECUTABLE, "record", "--store", store, "-d", "1"], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  await startServer();
  // The browser is driven over a pipe, so only the browser itself must be in the namespace.
  const wrapper = join(folder, "chromium");
  writeFileSync(wrapper, `#!/bin/sh\nexec ${enter.join(" ")} ${CHROMIUM} "$@"\n`, { mode: 0o700 });
  const browser: Browser = await chromium.launch({ executablePath: wrapper, args: FLAGS });
  const [token = "", killToken = ""] = readFileSync(tokenFile, "utf8").split("\n");

  async function openAddress(address: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    page.on("console", (message) => {
      if (message.type() === "error" && !expectedComplaint.test(message.text()))
        complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(`${error.stack}`));
    page.on("dialog", (dialog) => complaints.push(`A dialog: ${dialog.message()}`));
    page.on("request", (request) => {
      if (!request.url().startsWith(ORIGIN)) complaints.push(`A request to ${request.url()}`);
    });
    await page.goto(`${ORIGIN}${address}`);
    return page;
  }
  return {
    token,
    killToken,
    complaints,
    openAddress,
    open: (view = "", options = {}) =>
      openAddress(`/#token=${token}${view === "" ? "" : `&${view}`}`, options),
    startServer,
    stopServer,
    async [Symbol.asyncDispose]() {
      await browser.close();
      await stopServer();
      recorder.kill();
      await recorder.exited;
      await world[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}
