import { expect, test } from "bun:test";
import { filesOf } from "../../test/tree.ts";
import { encodeBytes } from "../bytes/text.ts";
import { readNumberNames, readServices } from "./services.ts";

test("ports may have any base, and names any bytes", () => {
  const text = "hexa 0x1f90/tcp\nplus +631/tcp alias # no\noct 015531/udp\nb\xff 5/tcp\nbad x/tcp\nnone 7\n";
  const services = readServices({ ...filesOf({}), read: () => Buffer.from(text, "latin1") });
  expect(services.name(8080, "tcp")).toBe("hexa");
  expect(services.name(8080, "udp")).toBeUndefined();
  expect(services.port("alias", "tcp")).toBe(631);
  expect(services.name(7001, undefined)).toBe("oct");
  expect(encodeBytes(services.name(5, "tcp")!)).toEqual(Uint8Array.of(0x62, 0xff));
  for (const name of ["bad", "none"]) expect(services.port(name, undefined)).toBeUndefined();
});

test("the first name of a number counts", () => {
  const files = filesOf({ etc: { protocols: "tcp 6 TCP\nother 6\n" } });
  expect(readNumberNames(files, "/etc/protocols").get(6)).toBe("tcp");
});
