import {
  type Connection,
  decideRevocation,
  type EventKind,
  membershipKinds,
  type RevocationState,
  takesAccess,
  wantedUser,
} from "@rollcall/core/domain";

/** What happens to one person: all of it is the provider's word but `suspend`, which is an admin's act. */
export type Happening = "create" | "rename" | "disable" | "enable" | "join" | "suspend" | "delete";

/** A life in the order in which it was accepted; one second lies between one happening and the next. */
export type Lifetime = readonly Happening[];

/** Where somebody must have come to, whatever overtook what on the way. */
export type End = {
  readonly denials: readonly string[];
  readonly displayName: string;
  readonly groups: number;
  readonly deny: boolean;
  /**
   * Tokens from before this second are dead: all until access was last taken away, and none from when
   * it was given back. In between nobody could have had one. Undefined where nothing was ever taken.
   */
  readonly cutSec: { readonly from: number; readonly to: number } | undefined;
};

const secOf = (index: number): number => 1_800_000_000 + index;

/** The rules of the design, said of a whole life at once and without a word of how it is applied. */
export function endOf(life: Lifetime): End {
  const { deleted, active, displayName, groups } = directoryAt(life, life.length - 1);
  const denials = [
    ...(life.includes("suspend") ? ["admin_suspended"] : []),
    ...(deleted ? ["idp_deleted"] : active ? [] : ["idp_inactive"]),
  ];
  const takes = (happening: Happening, index: number): boolean =>
    happening === "suspend" ||
    happening === "delete" ||
    (happening === "disable" && directoryAt(life, index - 1).active);
  const last = life.findLastIndex(takes);
  const givenBack = life.findIndex(
    (happening, index) => index > last && (happening === "enable" || happening === "create"),
  );
  const until = givenBack === -1 ? life.length - 1 : givenBack - 1;
  return {
    denials,
    displayName,
    groups,
    deny: denials.length > 0,
    cutSec: last === -1 ? undefined : { from: secOf(last) + 1, to: secOf(until) + 1 },
  };
}

/** What the directory says once this happening, and all before it, are committed. */
type Directory = {
  readonly version: number;
  readonly deleted: boolean;
  readonly active: boolean;
  readonly displayName: string;
  readonly groups: number;
};

const nobody: Directory = { version: 0, deleted: true, active: false, displayName: "", groups: 0 };

export function directoryAt(life: Lifetime, index: number): Directory {
  return life.slice(0, index + 1).reduce((before, happening, at): Directory => {
    const next = { ...before, version: before.version + 1 };
    switch (happening) {
      case "create":
        return { ...next, deleted: false, active: true, displayName: "new", groups: 0 };
      case "rename":
        return { ...next, displayName: `name ${at}` };
      case "disable":
        return { ...next, active: false };
      case "enable":
        return { ...next, active: true };
      case "delete":
        return { ...next, deleted: true, groups: 0 };
      // An edge is no part of the user, and an admin's act none of the directory.
      case "join":
        return { ...before, groups: before.groups + 1 };
      case "suspend":
        return before;
    }
  }, nobody);
}

/** What the application believes, and what gateways are told. */
export type Store = {
  readonly applied: number;
  /** Whether any worker has come to the user yet, so that the subject is theirs. */
  readonly known: boolean;
  readonly denials: readonly string[];
  readonly displayName: string;
  readonly groups: number;
  readonly revocation: RevocationState | undefined;
};

export const emptyStore: Store = {
  applied: 0,
  known: false,
  denials: [],
  displayName: "",
  groups: 0,
  revocation: undefined,
};

const kinds = {
  create: "user.created",
  rename: "user.updated",
  disable: "user.deactivated",
  enable: "user.activated",
  join: "membership.added",
  delete: "user.deleted",
} as const satisfies Record<Exclude<Happening, "suspend">, EventKind>;

/**
 * One worker's transaction, with the decisions that are the house's own: it converges the user to
 * the directory as it is now, `written` being the last that is committed. The indices say which events it took.
 */
export function applyBatch(store: Store, life: Lifetime, written: number, batch: readonly number[]): Store {
  if (batch.length === 1 && life[batch[0] ?? -1] === "suspend") return suspend(store, life, batch[0] ?? -1);
  const present = directoryAt(life, written);
  const events = batch.map((index) => ({ index, kind: kinds[life[index] as keyof typeof kinds] }));
  const groups = events.some(({ kind }) => membershipKinds.has(kind)) ? present.groups : store.groups;
  const kills = events.filter(({ kind }) => takesAccess(kind)).map(({ index }) => index);
  if (kills.length === 0 && store.applied >= present.version) return { ...store, groups };

  const wanted = wantedUser({
    id: "ann",
    userId: "ann",
    connection,
    attributes: { userName: "ann", externalId: "ann", active: present.active, displayName: present.displayName },
    deleted: present.deleted,
    version: present.version,
  });
  const converged = {
    ...store,
    applied: present.version,
    known: true,
    displayName: wanted.displayName ?? "",
    denials: sorted([...store.denials.filter((reason) => reason === "admin_suspended"), ...wanted.denials]),
    groups,
  };
  const telling = kills[0] ?? batch[0] ?? -1;
  return told(converged, life, store.known, telling, kills.at(-1));
}

/** A denial that cannot be applied shuts the door at once; nothing else leaves a trace. */
export function failBatch(store: Store, life: Lifetime, written: number, index: number): Store {
  const happening = life[index];
  if (happening === undefined || happening === "suspend" || !takesAccess(kinds[happening])) return store;
  if (store.applied >= directoryAt(life, written).version) return store;
  const shut = { ...store, denials: sorted([...store.denials, "poison"]) };
  return store.known ? told(shut, life, true, index, undefined) : shut;
}

function suspend(store: Store, life: Lifetime, index: number): Store {
  const suspended = { ...store, denials: sorted([...store.denials, "admin_suspended"]) };
  return store.known ? told(suspended, life, true, index, undefined) : suspended;
}

/** What gateways are told once these denials stand. */
function told(store: Store, life: Lifetime, known: boolean, at: number, killed: number | undefined): Store {
  const struck = store.denials.includes("admin_suspended") ? [life.indexOf("suspend")] : [];
  const kills = [...struck, ...(killed === undefined ? [] : [killed])];
  const change = decideRevocation({
    current: store.revocation,
    denials: store.denials,
    known,
    recycled: false,
    atMs: secOf(at) * 1_000,
    killedAtMs: kills.length === 0 ? undefined : secOf(Math.max(...kills)) * 1_000,
  });
  return change === undefined ? store : { ...store, revocation: { deny: change.deny, nbf: change.nbf } };
}

/** Whether a store has come to where it must; answers what is wrong with it. */
export function wrongWith(store: Store, end: End): readonly string[] {
  const { revocation } = store;
  const cut = revocation?.nbf;
  const cutIsRight =
    end.cutSec === undefined ? cut === undefined : cut !== undefined && cut >= end.cutSec.from && cut <= end.cutSec.to;
  return [
    ...(store.denials.join() === sorted(end.denials).join() ? [] : [`denials ${store.denials.join() || "none"}`]),
    ...(store.displayName === end.displayName ? [] : [`is called ${store.displayName}`]),
    ...(store.groups === end.groups ? [] : [`in ${store.groups} groups`]),
    ...((revocation?.deny ?? false) === end.deny ? [] : [`gateways are told ${end.deny ? "to let in" : "to refuse"}`]),
    ...(cutIsRight ? [] : [`tokens until ${cut ?? "none"} are dead`]),
  ];
}

function sorted(reasons: readonly string[]): readonly string[] {
  return [...new Set(reasons)].toSorted();
}

const connection: Connection = {
  id: "idp",
  tenantId: "tenant",
  slug: "idp",
  name: "IdP",
  kind: "scim",
  dialect: {},
  issuers: ["https://idp.test"],
  audience: undefined,
  subjectClaim: "sub",
  subjectRule: "attribute",
  subjectAttribute: "externalId",
  subjectCompare: "exact",
  tokenLifetimeSec: 3_600,
  schemasVersion: 0,
  rates: {},
};
