import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { negotiate } from "./negotiate.ts";

/** What clients send. */
const clients: Readonly<
  Record<string, readonly [accept: string | undefined, format: "openmetrics" | "text"]>
> = {
  "Prometheus 2.42": [
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "openmetrics",
  ],
  "Prometheus 3 without protobuf": [
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "openmetrics",
  ],
  "Prometheus with scrape_protocols PrometheusText0.0.4": [
    "text/plain;version=0.0.4;q=0.6,*/*;q=0.5",
    "text",
  ],
  "a browser": ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text"],
  curl: ["*/*", "text"],
  "no header": [undefined, "text"],
  "an old Prometheus": [
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3",
    "text",
  ],
  "a client of OpenMetrics 0.0.1 only": ["application/openmetrics-text; version=0.0.1", "text"],
  "a client that accepts neither": ["application/json", "text"],
};

describe("clients", () => {
  for (const [client, [accept, format]] of Object.entries(clients))
    test(client, () => expect(negotiate(accept)).toBe(format));
});

describe("the header", () => {
  test.each([
    ["application/openmetrics-text", "openmetrics"],
    ["Application/OpenMetrics-Text ; Version=1.0.0 ; Q=0.5 , text/plain ; q=0.4", "openmetrics"],
    ['application/openmetrics-text;version="1.0.0"', "openmetrics"],
    // A quality of 0 is a refusal, and the closest range decides.
    ["application/openmetrics-text;q=0, */*", "text"],
    ["*/*, text/plain;q=0", "openmetrics"],
    ["text/*;q=0.2, application/*;q=0.9", "openmetrics"],
    ["text/plain, application/openmetrics-text", "openmetrics"],
    ["text/plain, */*", "text"],
    // A separator within a quoted string is none.
    ['text/plain;x="a,application/openmetrics-text";q=0.1', "text"],
    ['text/html;x="\\"", application/openmetrics-text', "openmetrics"],
    // Malformed ranges count for nothing.
    ["application/openmetrics-text;q=2", "text"],
    ["application/openmetrics-text;q=nan, */openmetrics-text", "text"],
    ["application/openmetrics-text/1", "text"],
    ["", "text"],
    [",,;,", "text"],
  ] as const)("%s", (accept, format) => expect(negotiate(accept)).toBe(format));

  test("any text gets an answer, and only its first 4 KiB count", () => {
    fc.assert(fc.property(fc.string(), (text) => expect(["openmetrics", "text"]).toContain(negotiate(text))));
    expect(negotiate(`${"a/b,".repeat(1000)}application/openmetrics-text`)).toBe("openmetrics");
    expect(negotiate(`${"a/b,".repeat(1100)}application/openmetrics-text`)).toBe("text");
  });
});
