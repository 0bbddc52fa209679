/** All families, loaded at once. */

import type { Kind } from "../model/selection.ts";
import type { Family } from "./family.ts";
import { inet } from "./inet/index.ts";
import { netlink } from "./netlink/index.ts";
import { packet } from "./packet/index.ts";
import type { SocketsByKind } from "./socket.ts";
import { tipc } from "./tipc/index.ts";
import { unix } from "./unix/index.ts";
import { vsock } from "./vsock/index.ts";
import { xdp } from "./xdp/index.ts";

/** Every family. */
export const allFamilies: { readonly [K in Kind]: Family<SocketsByKind[K]> } = {
  inet,
  unix,
  packet,
  netlink,
  vsock,
  tipc,
  xdp,
};
