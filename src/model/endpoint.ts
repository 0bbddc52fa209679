/** An address and a port as text. */

/** `10.0.0.1:80`, `[::1]:80`. @param port a number, a service name or `*` */
export function endpointText(address: string, port: number | string): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
