import type {
  FeedOptions,
  GuardOptions,
  IssuerOptions,
  RelayOptions,
  ResolveOptions,
  ServiceRule,
} from "@rollcall/guard";

type Names<Options> = Readonly<Record<keyof Options, true>>;
/** What a process has and a file cannot say. */
type InCode = "onDecision" | "onError" | "onFeed" | "now" | "uptimeMs";
type EveryOf<Union> = Union extends unknown ? keyof Union : never;

/** Every option there is. `satisfies` makes an option that the guard has and authz does not know a compile error. */
export const optionNames = {
  top: { issuers: true, feed: true, stale: true, unknown: true, resolve: true, rememberTokens: true, routeFrom: true },
  issuer: {
    issuer: true,
    audience: true,
    jwksUrl: true,
    jwks: true,
    refusedKeys: true,
    algorithms: true,
    types: true,
    subjectClaim: true,
    tenantClaim: true,
    tenant: true,
    tenants: true,
    subjectFormat: true,
    subjectCompare: true,
    services: true,
    clockToleranceSec: true,
  },
  service: { claim: true, equals: true, prefix: true, clientIds: true },
  feed: {
    url: true,
    token: true,
    gateway: true,
    persistPath: true,
    keys: true,
    transport: true,
    waitSec: true,
    pollSec: true,
    relays: true,
    subjectKey: true,
    subjects: true,
    report: true,
  },
  relay: { url: true, token: true },
  resolve: { url: true, token: true, timeoutMs: true, rememberSec: true, provision: true },
  stale: { routes: true, otherwise: true },
} as const satisfies {
  readonly top: Names<Omit<GuardOptions, InCode> & { readonly routeFrom: unknown }>;
  readonly issuer: Names<IssuerOptions>;
  readonly service: Readonly<Record<EveryOf<ServiceRule>, true>>;
  readonly feed: Names<FeedOptions>;
  readonly relay: Names<RelayOptions>;
  readonly resolve: Names<ResolveOptions>;
  readonly stale: Names<{ readonly routes: unknown; readonly otherwise: unknown }>;
};
