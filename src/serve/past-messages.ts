/** What the server and its thread for the past send each other. */

/** What the thread works with: the part of a ServeContext that can be sent. */
export interface PastSettings {
  readonly store: string | undefined;
  readonly version: string;
  readonly allNetns: boolean;
  readonly intervalMs: number;
  readonly showArguments: boolean;
}

/** A request that was checked already. */
export interface PastCall {
  /** The path of the route, as in the table of routes. */
  readonly path: string;
  readonly values: Readonly<Record<string, string>>;
  /** The address, which names what the answer depends on. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A message to the thread. The first one opens it. */
export type ToPast =
  | { readonly kind: "open"; readonly settings: PastSettings }
  | ({ readonly kind: "call"; readonly id: number } & PastCall)
  /** Sends the next part of the body. */
  | { readonly kind: "pull"; readonly id: number }
  /** Nobody wants the rest of the body. */
  | { readonly kind: "drop"; readonly id: number };

/** A message from the thread. */
export type FromPast =
  | {
      readonly kind: "head";
      readonly id: number;
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
    }
  /** A part of the body; without bytes, its end. */
  | { readonly kind: "part"; readonly id: number; readonly bytes?: Uint8Array<ArrayBuffer> }
  /** The handler threw something other than a refusal, or the body failed. */
  | { readonly kind: "failed"; readonly id: number; readonly message: string };
