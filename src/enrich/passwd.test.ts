import { expect, test } from "bun:test";
import { parseUsers } from "./passwd.ts";

test("parseUsers() takes the first line of a name and skips malformed lines", () => {
  const text = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/:\n# no\n+nis\nroot:x:5:5\nbad:x:y:1\n";
  expect([...parseUsers(text)]).toEqual([
    ["root", 0],
    ["www-data", 33],
  ]);
});
