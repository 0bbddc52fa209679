/** The headers of every answer: documents, assets, data, streams and errors alike. */

/**
 * What the page may do: load from its own origin only, run no inline code, be in no frame, and make no HTML of text.
 * Names of processes are strangers' text: the last directive makes the browser refuse code that would parse them.
 */
const contentSecurityPolicy = [
  "default-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

/** Headers that no handler can leave out or change, except for `Cache-Control`. No CORS header is ever sent. */
export const securityHeaders: Readonly<Record<string, string>> = {
  "Content-Security-Policy": contentSecurityPolicy,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "X-Frame-Options": "DENY",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
  "Cache-Control": "no-store",
};

/** The answer with the headers of every answer. Its own `Cache-Control` stays. */
export function secured(answer: Response): Response {
  for (const [name, value] of Object.entries(securityHeaders))
    if (name !== "Cache-Control" || !answer.headers.has(name)) answer.headers.set(name, value);
  return answer;
}
