/** Protocols on top of TCP, as `-i` prints them: MD5 signatures, kernel TLS, MPTCP subflows. */
import { ascii, type ByteWriter } from "../../../bytes/writer.ts";
import { writeIpv4, writeIpv6 } from "../../../model/address.ts";
import { AF_INET6 } from "../../../model/family.ts";
import { putForeign, type Style } from "../../../table/style.ts";
import type { Md5Signature } from "../layouts/md5.ts";
import {
  type MptcpSubflow,
  mptcpSubflowFlags,
  type TlsInfo,
  tlsWord,
  tlsWords,
  type UlpInfo,
} from "../layouts/ulp.ts";

const COMMA = 0x2c;
const SLASH = 0x2f;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const ZERO = 0x30;

const md5Label = ascii(" md5keys:");

/** Bytes of a key that are written as they are: printable ones that separate nothing. */
function isPlain(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f && byte !== BACKSLASH && byte !== COMMA;
}

function writeKey(text: ByteWriter, key: Uint8Array): void {
  for (const byte of key) {
    if (isPlain(byte)) text.byte(byte);
    else {
      text.byte(BACKSLASH);
      for (const shift of [6, 3, 0]) text.byte(ZERO + ((byte >> shift) & 7));
    }
  }
}

/** Writes ` md5keys:ADDRESS/PREFIX=KEY,…`. */
export function writeMd5Signatures(text: ByteWriter, signatures: readonly Md5Signature[]): void {
  text.put(md5Label);
  signatures.forEach(({ family, prefixLength, key, data, addressOffset }, index) => {
    if (index > 0) text.byte(COMMA);
    if (family === AF_INET6) writeIpv6(text, data, addressOffset);
    else writeIpv4(text, data, addressOffset);
    text.byte(SLASH);
    text.unsigned(prefixLength);
    text.byte(EQUALS);
    writeKey(text, key);
  });
}

/** The ciphers that ss has a name for; it says nothing of others. */
const shownCiphers: ReadonlySet<string> = new Set(["aes-gcm-128", "aes-gcm-256"]);

function writeTls(text: ByteWriter, { version, cipher, rxConf, txConf, zcRoTx, rxNoPad }: TlsInfo): void {
  if (version !== undefined) text.text(` version: ${tlsWord(tlsWords.version, version)}`);
  const suite = cipher === undefined ? undefined : tlsWord(tlsWords.cipher, cipher);
  if (suite !== undefined && shownCiphers.has(suite)) text.text(` cipher: ${suite}`);
  if (rxConf !== undefined) text.text(` rxconf: ${tlsWord(tlsWords.conf, rxConf)}`);
  if (txConf !== undefined) text.text(` txconf: ${tlsWord(tlsWords.conf, txConf)}`);
  if (zcRoTx) text.text(" zc_ro_tx");
  if (rxNoPad) text.text(" no_pad_rx");
}

/** A token as C's `%04x` writes it. */
function token(value: number): string {
  return value.toString(16).padStart(4, "0");
}

function writeMptcpSubflow(text: ByteWriter, subflow: MptcpSubflow): void {
  const { flags, tokenRem, idRem, tokenLoc, idLoc, mapSeq, mapSfseq, ssnOffset, mapDatalen } = subflow;
  if (flags) {
    const letters = mptcpSubflowFlags.map(({ letter }, bit) => (flags & (1 << bit) ? letter : ""));
    text.text(` flags:${letters.join("")}`);
  }
  if (tokenRem !== undefined && tokenLoc !== undefined && idRem !== undefined && idLoc !== undefined)
    text.text(` token:${token(tokenRem)}(id:${idRem})/${token(tokenLoc)}(id:${idLoc})`);
  if (mapSeq !== undefined) text.text(` seq:${mapSeq}`);
  if (mapSfseq !== undefined) text.text(` sfseq:${mapSfseq}`);
  if (ssnOffset !== undefined) text.text(` ssnoff:${ssnOffset}`);
  if (mapDatalen !== undefined) text.text(` maplen:${mapDatalen}`);
}

/** Writes ` tcp-ulp-NAME` and that protocol's details. */
export function writeUlpInfo(text: ByteWriter, ulp: UlpInfo, style: Style): void {
  const { name, tls, mptcp } = ulp;
  if (name !== undefined) {
    text.text(" tcp-ulp-");
    putForeign(text, name, style);
  }
  if (tls !== undefined) writeTls(text, tls);
  if (mptcp !== undefined) writeMptcpSubflow(text, mptcp);
}
