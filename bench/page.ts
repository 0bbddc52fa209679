/**
 * Measures the page of `sockscope serve` in Chromium, in a network namespace of its own: the time until the first rows,
 * the time until rows come in another order, and the nodes of the document. Prints a row of the table in docs/serve.md.
 *
 * Usage: page.ts [--sockets N] [--runs N] [--executable PATH]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Browser, chromium, type Page } from "playwright-core";
import { withSockets } from "./herds.ts";

const { values } = parseArgs({
  options: {
    sockets: { type: "string", default: "10000" },
    runs: { type: "string", default: "5" },
    executable: { type: "string", default: join(import.meta.dirname, "../dist/sockscope") },
    /** This is the process inside the namespace. */
    inside: { type: "boolean", default: false },
  },
});

const ORIGIN = "http://127.0.0.1:7787";
/** The headings that are clicked. */
const ORDERS = ["Local", "RTT ms", "Process", "State"];
/** Time for the owners of sockets to be found, in milliseconds. */
const SETTLE_MS = 8000;

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;
}

/** Notes when the first row is in the document. */
const noteFirstRow = `
  new MutationObserver((_, observer) => {
    if (document.querySelector('#grid .drawn [data-column="state"]') === null) return;
    observer.disconnect();
    window.rowsAt = performance.now();
  }).observe(document, { childList: true, subtree: true });
`;

/** Clicks on a heading, and gives the milliseconds until the table has rows in the new order. */
const sortBy = (heading: string) => `new Promise((done) => {
  const headings = [...document.querySelectorAll("[role=columnheader] button")];
  const began = performance.now();
  const observer = new MutationObserver(() => {
    if (document.querySelector("#grid").getAttribute("aria-busy") !== "false") return;
    observer.disconnect();
    done(performance.now() - began);
  });
  headings.find((each) => each.textContent === ${JSON.stringify(heading)}).click();
  requestAnimationFrame(() =>
    observer.observe(document.querySelector(".sockets"), { attributes: true, subtree: true }),
  );
})`;

/** Opens the page in a browser that knows nothing of it. @returns the milliseconds until its first rows, too */
async function openPage(browser: Browser, token: string): Promise<{ page: Page; ms: number }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.addInitScript({ content: noteFirstRow });
  await page.goto(`${ORIGIN}/#token=${token}`);
  await page.locator('#grid .drawn [data-column="state"]').first().waitFor();
  const ms = await page.evaluate<number>("window.rowsAt");
  return { page, ms };
}

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-bench-"));
  const tokenFile = join(folder, "token");
  const start = async () => {
    const server = Bun.spawn([values.executable, "serve", "--token-file", tokenFile], { stdout: "pipe" });
    await server.stdout.getReader().read();
    return server;
  };
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"];
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
  const firsts: number[] = [];
  const orders: number[] = [];
  let nodes = 0;
  let total = "";
  for (let run = 0; run < Number(values.runs); run++) {
    // Every run has a server that has read nothing yet.
    const server = await start();
    const token = readFileSync(tokenFile, "utf8").split("\n")[0]!;
    const { page, ms } = await openPage(browser, token);
    if (run > 0) firsts.push(ms);
    if (run === Number(values.runs) - 1) {
      await page.waitForTimeout(SETTLE_MS);
      for (const heading of ORDERS) orders.push(await page.evaluate<number>(sortBy(heading)));
      nodes = await page.evaluate<number>('document.querySelectorAll("*").length');
      total = (await page.locator("output.matched b").textContent()) ?? "";
    }
    await page.context().close();
    server.kill();
    await server.exited;
  }
  console.log("| sockets | first rows, ms | another order, ms | nodes of the document |");
  console.log("|--:|--:|--:|--:|");
  console.log(`| ${total} | ${Math.round(median(firsts))} | ${Math.round(Math.max(...orders))} | ${nodes} |`);
  await browser.close();
  rmSync(folder, { recursive: true });
}

await withSockets(import.meta.path, values.inside, Number(values.sockets), measure);
