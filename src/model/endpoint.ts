/** An address and a port as text. */

/** `10.0.0.1:80`, `[::1]:80`. @param port a number, or what stands for it: a service, `*` */
export function endpointText(address: string, port: number | string): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
