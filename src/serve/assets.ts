/** The page: its files as text in the executable. No request makes the server open a file. */
import { createHash } from "node:crypto";
import { pageFiles } from "./page-files.ts" with { type: "macro" };
import type { Call, Route } from "./route.ts";
import { takesGzip } from "./server.ts";

/** The page: a macro has made its text when this file was bundled. */
const files: Readonly<Record<string, string>> = pageFiles();

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** A route for a file. */
function assetRoute(name: string, text: string): Route {
  const type = types[name.slice(name.lastIndexOf(".") + 1)]!;
  const plain = new TextEncoder().encode(text);
  const packed = Bun.gzipSync(plain, { level: 9 });
  const digest = createHash("sha256").update(plain).digest("base64url").slice(0, 22);
  const headers = { "Content-Type": type, "Cache-Control": "no-cache", Vary: "Accept-Encoding" };
  return {
    method: "GET",
    path: name === "index.html" ? "/" : `/${name}`,
    doc: name === "index.html" ? "The page." : `The file ${name} of the page.`,
    access: "open",
    parameters: [],
    types: [type],
    handle({ request }: Call) {
      const zipped = takesGzip(request);
      const ETag = `"${digest}${zipped ? "-gzip" : ""}"`;
      if (request.headers.get("If-None-Match") === ETag)
        return new Response(null, { status: 304, headers: { ...headers, ETag } });
      return zipped
        ? new Response(packed, { headers: { ...headers, ETag, "Content-Encoding": "gzip" } })
        : new Response(plain, { headers: { ...headers, ETag } });
    },
  };
}

/** The routes of the page's files. Everybody who reaches the server may load them: they hold no data. */
export function assetRoutes(): Route[] {
  return Object.entries(files).map(([name, text]) => assetRoute(name, text));
}
