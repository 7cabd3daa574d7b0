/** Whom something that is sent to an address is shown to: its protocol and host, without the path. Undefined where it is no address. */
export function addressHost(address: unknown): string | undefined {
  if (typeof address !== "string" || !URL.canParse(address)) return undefined;
  const { protocol, host } = new URL(address);
  return `${protocol}//${host}`;
}
