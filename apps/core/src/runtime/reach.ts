import { BlockList, isIP, isIPv4 } from "node:net";

/** Judges where requests may lead whose addresses somebody outside has named. */
export type Reach = {
  /** Says why a URL may not be asked; undefined where it may, as far as its text tells. */
  refusalOf(url: string): string | undefined;
  /** Whether an address that a name led to may be connected to; `isPlain` where nothing hides what is said. */
  mayConnect(address: string, host: string, isPlain: boolean): boolean;
};

export type ReachOptions = {
  /** Whether this machine itself may be asked, also by http. */
  readonly loopback: boolean;
  /** Networks besides the public Internet that may be asked, also by http, as in 10.20.0.0/16. */
  readonly networks?: readonly string[];
};

export function createReach({ loopback, networks = [] }: ReachOptions): Reach {
  const own = networkList(networks);
  // What a cloud tells its own machines lies on link-local addresses, so no setting opens them.
  const isOwn = (address: string): boolean => isIn(own, address) && !isIn(linkLocal, address);

  const refusalOf = (text: string): string | undefined => {
    if (!URL.canParse(text)) return "must be a URL";
    const { protocol, hostname, username, password, hash } = new URL(text);
    const host = bareHost(hostname);
    const mayLoop = loopback && isLoopbackName(host);
    // Where a name leads is judged when it is resolved: until then any may lead into these networks.
    const mayBeOwn = networks.length > 0 && (isIP(host) === 0 || isOwn(host));
    if (protocol !== "https:" && !(protocol === "http:" && (mayLoop || mayBeOwn))) return "must begin with https://";
    if (username !== "" || password !== "") return "must not hold a user or a password";
    if (hash !== "") return "must not have a fragment";
    if (mayLoop || mayBeOwn) return undefined;
    if (isIP(host) !== 0 && !isPublic(host)) return "must not lead to a private address";
    // Names that are nobody's on the Internet (RFC 6761 §6.3, RFC 6762 §3, RFC 9476 and their like).
    if (/(?:^|\.)(?:localhost|local|internal|home\.arpa)\.?$/i.test(host)) return "must not lead to a private address";
    return undefined;
  };

  return {
    refusalOf,
    mayConnect: (address, host, isPlain) =>
      (!isPlain && isPublic(address)) || isOwn(address) || (loopback && isLoopbackName(host) && isLoopback(address)),
  };
}

/** Whether a text names a network in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3). */
export function isNetwork(text: string): boolean {
  const [net = "", bits = "", ...rest] = text.split("/");
  const family = isIP(net);
  return rest.length === 0 && family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

/** A URL's host as an address is written elsewhere: without the brackets of IPv6. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}

function networkList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    if (!isNetwork(network)) throw new Error(`${network} is not a network: write it as in 10.20.0.0/16`);
    const [net = "", bits = ""] = network.split("/");
    list.addSubnet(net, Number(bits), isIPv4(net) ? "ipv4" : "ipv6");
  }
  return list;
}

const loopbacks = networkList(["127.0.0.0/8", "::1/128"]);
const linkLocal = networkList(["169.254.0.0/16", "fe80::/10", "fd00:ec2::/32"]);

/** What is not on the Internet: the registries of IANA for IPv4 (RFC 6890), and for IPv6 all but what is given out. */
const notPublic = networkList([
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
  // Within what is given out: Teredo and protocol assignments, documentation, and 6to4, which leads to any IPv4 address.
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
]);
const publicSix = networkList(["2000::/3"]);

function isPublic(address: string): boolean {
  if (isIPv4(address)) return !notPublic.check(address);
  return isIP(address) === 6 && publicSix.check(address, "ipv6") && !notPublic.check(address, "ipv6");
}

function isLoopback(address: string): boolean {
  return isIn(loopbacks, address);
}

function isLoopbackName(host: string): boolean {
  return host === "localhost" || (isIP(host) !== 0 && isLoopback(host));
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}
