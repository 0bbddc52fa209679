import { expect, test } from "bun:test";
import type { Files } from "../host/host.ts";
import { readNetlinkProtocols } from "./netlink-protocols.ts";

function names(
  files: Readonly<Record<string, string>>,
  complain: (path: string, line: string) => void = () => expect.unreachable(),
): (protocol: number) => string | undefined {
  const read = (path: string) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error("not there"), { code: "ENOENT" });
    return Buffer.from(text);
  };
  const found = readNetlinkProtocols({ read } as Partial<Files> as Files, complain);
  return (protocol) => {
    const name = found.get(protocol);
    return name && Buffer.from(name).toString();
  };
}

test("without a file there are the built-in names", () => {
  const name = names({});
  expect(name(0)).toBe("rtnl");
  expect(name(16)).toBe("genl");
  expect(name(17)).toBeUndefined();
});

test("a file adds names and replaces built-in ones", () => {
  const name = names({
    "/etc/iproute2/nl_protos": "# 16 comment\n\n 16\tgeneric # trailing\n0x1F mine\n300 far\n",
  });
  expect(name(0)).toBe("rtnl");
  expect(name(16)).toBe("generic");
  expect(name(31)).toBe("mine");
  expect(name(300)).toBe("far");
  expect(name(5)).toBe("nflog");
});

test("reading stops with a complaint at a line that is not an entry", () => {
  for (const wrong of ["x y", "5"]) {
    const complaints: string[] = [];
    const name = names({ "/etc/iproute2/nl_protos": `16 gen\n${wrong}\n0 late\n` }, (path, line) =>
      complaints.push(`${path}: ${line}`),
    );
    expect([name(16), name(0), name(5)]).toEqual(["gen", "rtnl", "nflog"]);
    expect(complaints).toEqual([`/etc/iproute2/nl_protos: ${wrong}`]);
  }
});

test("the file in /usr/share counts only if /etc has none", () => {
  const share = { "/usr/share/iproute2/nl_protos": "0 share\n" };
  expect(names(share)(0)).toBe("share");
  expect(names({ ...share, "/etc/iproute2/nl_protos": "" })(0)).toBe("rtnl");
});
