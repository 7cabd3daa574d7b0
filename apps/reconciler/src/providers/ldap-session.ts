import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { Client, type Entry, type Filter, ResultCodeError, type SearchOptions } from "ldapts";
import { bareHost, type Outward } from "@rollcall/core/runtime";
import { failWithoutAnswer } from "./exchange.ts";
import { interrupted, ProviderFailure } from "./provider.ts";

export type LdapEntry = Entry;

/** One connection to a directory, bound. */
export type LdapSession = {
  /** Everything that a search finds, or a failure; with a `limit`, the first of it. An entry that is not there is none. */
  search(base: string, search: LdapSearch): Promise<readonly LdapEntry[]>;
  /** The same page by page (RFC 2696). An empty page ends it, which proves nothing: it may have named another. */
  pages(base: string, search: LdapSearch, pageSize: number): AsyncIterable<readonly LdapEntry[]>;
  close(): void;
};

export type LdapSearch = {
  readonly filter: Filter;
  readonly attributes: readonly string[];
  readonly scope: "base" | "sub";
  readonly limit?: number;
};

export type LdapConnection = {
  readonly url: URL;
  readonly startTls: boolean;
  /** PEM; the certificates of the system where there is none. */
  readonly authorities: string | undefined;
  readonly bindName: string;
  readonly password: string;
  readonly timeoutMs: number;
};

const noSuchObject = 32;
/** It comes as bytes: read as text it would be somebody else's. */
const binaryAttributes = ["objectGUID"];

/** Connects to the address that was judged and to no other, and binds. Ends with the signal. */
export async function openLdapSession(
  connection: LdapConnection,
  outward: Pick<Outward, "addressOf">,
  signal: AbortSignal,
): Promise<LdapSession> {
  if (signal.aborted) throw interrupted();
  const client = await openClient(connection, outward);
  const close = (): void => {
    signal.removeEventListener("abort", close);
    // Whether it says goodbye is its own business: the connection is closed in any case.
    client.unbind().catch(() => undefined);
  };
  signal.addEventListener("abort", close, { once: true });
  try {
    await beforeEnd(greet(client, connection), AbortSignal.any([signal, AbortSignal.timeout(connection.timeoutMs)]));
  } catch (error) {
    close();
    throw ldapFailure(error, signal);
  }
  return {
    search: async (base, search) => {
      try {
        return whole(await client.search(base, optionsOf(search)));
      } catch (error) {
        const isNone = search.scope === "base" && error instanceof ResultCodeError && error.code === noSuchObject;
        if (isNone) return [];
        throw ldapFailure(error, signal);
      }
    },
    pages: async function* (base, search, pageSize) {
      try {
        for await (const page of client.searchPaginated(base, { ...optionsOf(search), paged: { pageSize } }))
          yield whole(page);
      } catch (error) {
        throw ldapFailure(error, signal);
      }
    },
    close,
  };
}

async function greet(client: Client, connection: LdapConnection): Promise<void> {
  if (connection.startTls) await client.startTLS(tlsOptions(connection));
  await client.bind(connection.bindName, connection.password);
}

/** The client waits for ever for a connection that is ended while it is made, and for TLS that does not come about. */
function beforeEnd(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(new Error("ended"));
    signal.addEventListener("abort", end, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
  });
}

async function openClient(connection: LdapConnection, outward: Pick<Outward, "addressOf">): Promise<Client> {
  const { url, startTls, timeoutMs } = connection;
  const isTls = url.protocol === "ldaps:";
  const address = await outward.addressOf(bareHost(url.hostname), !isTls && !startTls).catch(failWithoutAnswer);
  const at = new URL(url);
  at.hostname = address.includes(":") ? `[${address}]` : address;
  return new Client({
    url: `${url.protocol}//${at.hostname}:${url.port === "" ? (isTls ? 636 : 389) : url.port}`,
    timeout: timeoutMs,
    connectTimeout: timeoutMs,
    ...(isTls ? { tlsOptions: tlsOptions(connection) } : {}),
  });
}

/** The certificate must be for the name that was asked for, whatever address it led to. */
function tlsOptions({ url, authorities }: LdapConnection): ConnectionOptions {
  const host = bareHost(url.hostname);
  return {
    // An address is no server name (RFC 6066 §3). A name as host would be resolved again, and nobody judges that.
    ...(isIP(host) === 0 ? { servername: host } : { host }),
    ...(authorities === undefined ? {} : { ca: authorities }),
    rejectUnauthorized: true,
    minVersion: "TLSv1.2",
  };
}

function optionsOf({ filter, attributes, scope, limit = 0 }: LdapSearch): SearchOptions {
  return {
    filter,
    scope,
    attributes: [...attributes],
    explicitBufferAttributes: binaryAttributes,
    sizeLimit: limit,
  };
}

/** A server that refers to another for a part of its tree has not answered for that part (RFC 4511 §4.5.3). */
function whole(found: Awaited<ReturnType<Client["search"]>>): readonly LdapEntry[] {
  if (found.searchReferences.length > 0)
    throw new ProviderFailure("incomplete", "a part of the tree is on another server: choose a base without it");
  return found.searchEntries;
}

/** By code alone: its messages may quote names. */
function ldapFailure(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return interrupted();
  if (error instanceof ProviderFailure) return error;
  if (error instanceof ResultCodeError) return resultFailure(error.code);
  const code = (error as NodeJS.ErrnoException).code;
  return new ProviderFailure("unreachable", `it cannot be reached (${code ?? "the connection ended"})`);
}

/** RFC 4511 appendix A. */
function resultFailure(code: number): ProviderFailure {
  switch (code) {
    case 3:
    case 4:
    case 11:
      return new ProviderFailure("incomplete", `its limits end the search (${code}): raise them for the bind name`);
    case 8:
    case 13:
      return new ProviderFailure("forbidden", `it wants a safer connection (${code}): use ldaps or StartTLS`);
    case noSuchObject:
      return new ProviderFailure("malformed", "there is no such base, or the bind name may not see it");
    case 49:
      return new ProviderFailure("unauthenticated", "it does not accept the bind name and its password: renew them");
    case 50:
      return new ProviderFailure("forbidden", "the bind name may not read users: grant what docs/providers.md names");
    case 51:
    case 52:
      return new ProviderFailure("unreachable", `it is busy or unavailable (${code})`);
    default:
      return new ProviderFailure("malformed", `it refused a search (${code})`);
  }
}
