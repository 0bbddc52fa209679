/** The finished files of the page: their size, and what they may not contain. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { pageFiles } from "../../src/serve/page-files.ts" with { type: "macro" };

const folder = join(import.meta.dirname, "../../src/serve/page");
const files: Readonly<Record<string, string>> = pageFiles();

test("the page has at most 50 kB, compressed as it is sent", () => {
  const sizes = Object.values(files).map(
    (text) => Bun.gzipSync(new TextEncoder().encode(text), { level: 9 }).length,
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(50_000);
});

describe("the document", () => {
  const html = files["index.html"]!;

  test("has neither code nor styles of its own, as the Content-Security-Policy forbids them", () => {
    expect(html.match(/<script\b[^>]*>(?=[^<])/g)).toBeNull();
    expect(html.match(/<style|\sstyle=|\son\w+=|javascript:/gi)).toBeNull();
  });

  test("loads nothing from elsewhere", () => {
    const addresses = Array.from(html.matchAll(/(?:src|href)="([^"]*)"/g), ([, address]) => address!);
    expect(addresses.length).toBeGreaterThan(2);
    for (const address of addresses) expect(Object.keys(files)).toContain(address.slice(1));
    expect(files["page.css"]).not.toMatch(/url\(|@import/);
    // The names of XML namespaces, and nothing that is fetched.
    const others = Array.from(files["page.js"]!.matchAll(/https?:\/\/[\w./-]+/g), ([address]) => address);
    expect(others.filter((address) => !address.startsWith("http://www.w3.org/"))).toEqual([]);
  });
});

test("no source of the page makes HTML from text", () => {
  const paths = [...new Glob("**/*.{ts,tsx}").scanSync(folder)];
  expect(paths.length).toBeGreaterThan(25);
  const ways =
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\(|srcdoc/;
  expect(paths.filter((path) => ways.test(readFileSync(join(folder, path), "utf8")))).toEqual([]);
});
