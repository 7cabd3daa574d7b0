import type { UserAttributes } from "./directory.ts";
import type { IdpDenial } from "./converge.ts";
import { decideSourceEvent, type NamedUser, type SourceDecision } from "./source-decision.ts";
import type { SourceEvent } from "./source-event.ts";

/** What a source said of somebody before anybody knew them, and when it came. */
export type SaidBefore = { readonly event: SourceEvent; readonly receivedAt: Date };

/**
 * Why somebody who comes with a token may not enter, by what was said of them before they came, in the order in which
 * it came; undefined where they may. It is judged as if they had been there all along, and nothing of it is written.
 */
export function deniedBefore(attributes: UserAttributes, said: readonly SaidBefore[]): IdpDenial | undefined {
  const unsaid: NamedUser = { attributes, deleted: false, statedAt: undefined, updatedAt: new Date(0) };
  const user = said.reduce<NamedUser>(
    (before, { event, receivedAt }) => standingAfter(before, decideSourceEvent(event, before, receivedAt), receivedAt),
    unsaid,
  );
  if (user.deleted) return "idp_deleted";
  return user.attributes.active ? undefined : "idp_inactive";
}

function standingAfter(user: NamedUser, { write, statedAt }: SourceDecision, receivedAt: Date): NamedUser {
  switch (write?.kind) {
    case undefined:
    case "end_sessions":
      return user;
    case "confirm":
      return { ...user, statedAt: statedAt ?? user.statedAt };
    case "delete":
      return { ...user, deleted: true, statedAt, updatedAt: receivedAt };
    case "attributes":
    case "create": {
      const { attributes, times } = write;
      const isSame = attributes.active === user.attributes.active;
      return {
        attributes,
        deleted: false,
        statedAt: statedAt ?? (isSame ? user.statedAt : undefined),
        attributeTimes: times,
        updatedAt: receivedAt,
      };
    }
  }
}
