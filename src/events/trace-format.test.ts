import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parsePageFormat, parseTraceFormat } from "./trace-format.ts";

/** From Linux 6.18. */
const setState = `name: inet_sock_set_state
ID: 2287
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:const void * skaddr;	offset:8;	size:8;	signed:0;
	field:int oldstate;	offset:16;	size:4;	signed:1;
	field:__u16 sport;	offset:24;	size:2;	signed:0;
	field:__u8 saddr[4];	offset:32;	size:4;	signed:0;
	field:char name[16];	offset:60;	size:16;	signed:0;

print fmt: "family=%s sport=%hu", REC->family, REC->sport
`;

const page = `	field: u64 timestamp;	offset:0;	size:8;	signed:0;
	field: local_t commit;	offset:8;	size:8;	signed:1;
	field: int overwrite;	offset:8;	size:1;	signed:1;
	field: char data;	offset:16;	size:4080;	signed:0;
`;

describe("parseTraceFormat()", () => {
  test("reads id, names, offsets and sizes, whatever the C type", () => {
    const format = parseTraceFormat(setState)!;
    expect(format.id).toBe(2287);
    expect(Object.fromEntries(format.fields)).toEqual({
      common_type: { offset: 0, size: 2 },
      common_flags: { offset: 2, size: 1 },
      common_pid: { offset: 4, size: 4 },
      skaddr: { offset: 8, size: 8 },
      oldstate: { offset: 16, size: 4 },
      sport: { offset: 24, size: 2 },
      saddr: { offset: 32, size: 4 },
      name: { offset: 60, size: 16 },
    });
  });

  test("rejects text that is not a format", () => {
    expect(parseTraceFormat("")).toBeUndefined();
    expect(parseTraceFormat("ID: 5\n")).toBeUndefined();
    expect(parseTraceFormat(setState.replace("ID:", "Id:"))).toBeUndefined();
  });
});

test("parsePageFormat() reads offset and size of the data, and expects the time first", () => {
  expect(parsePageFormat(page)).toEqual({ commitOffset: 8, dataOffset: 16, size: 4096 });
  expect(parsePageFormat(page.replace("offset:0;", "offset:4;"))).toBeUndefined();
  expect(parsePageFormat("")).toBeUndefined();
});

test("never throw, whatever the text", () => {
  const line = fc.tuple(fc.string(), fc.nat(), fc.nat()).map(([name, offset, size]) => {
    return `\tfield:${name};\toffset:${offset};\tsize:${size};\tsigned:0;`;
  });
  const text = fc.array(fc.oneof(fc.string(), line, fc.constant("ID: 7"))).map((lines) => lines.join("\n"));
  fc.assert(
    fc.property(text, (any) => {
      parseTraceFormat(any);
      parsePageFormat(any);
    }),
  );
});
