/** struct tcp_diag_md5sig: a key of TCP's MD5 signatures, RFC 2385. linux/tcp.h. */
import { type Layout, StructView, wholeView } from "../../../bytes/layout.ts";

/** Rows of struct tcp_diag_md5sig. */
const md5Signature = {
  family: { offset: 0, type: "u8", kernel: "tcpm_family", doc: "AF_INET or AF_INET6" },
  prefixLength: { offset: 1, type: "u8", kernel: "tcpm_prefixlen", doc: "prefix length of the address" },
  sentKeyLength: { offset: 2, type: "u16", kernel: "tcpm_keylen", doc: "bytes of the key" },
  address: { offset: 4, type: "u8", kernel: "tcpm_addr", doc: "start of the peer's address, 16 bytes" },
  keyStart: { offset: 20, type: "u8", kernel: "tcpm_key", doc: "start of the key, 80 bytes" },
} as const satisfies Layout;

/** Bytes of struct tcp_diag_md5sig. */
export const MD5_SIGNATURE_SIZE = 100;

/** View of a whole struct tcp_diag_md5sig. */
export class Md5Signature extends wholeView(md5Signature, StructView) {
  /** Offset of the address in `data`. */
  get addressOffset(): number {
    return this.offset + md5Signature.address.offset;
  }

  /** The key. Its length is limited to the field's size, 80 bytes. */
  get key(): Uint8Array {
    const start = md5Signature.keyStart.offset;
    const length = Math.min(this.sentKeyLength, MD5_SIGNATURE_SIZE - start);
    return new Uint8Array(this.data.buffer, this.data.byteOffset + this.offset + start, length);
  }
}
