import { CommandError } from "./admin-api.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Session } from "./session.ts";

export type UserSummary = {
  readonly id: string;
  readonly directoryUserId: string;
  readonly userName: string;
  readonly externalId?: string;
  readonly active: boolean;
  readonly deletedAt?: string;
  readonly behind: boolean;
  readonly denials: readonly string[];
  readonly linkedAt?: string;
};

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const criteria = ["id", "userName", "externalId", "sub"] as const;

/** Finds the one user that somebody named by id, userName, externalId or subject, in this order; the living before the deleted. */
export function findUser(session: Session, who: string): Promise<string> {
  return findOne(session, who, ({ id }) => id);
}

/** The same among directory users, of whom a person may have several. */
export function findDirectoryUser(session: Session, who: string): Promise<string> {
  return uuid.test(who) ? Promise.resolve(who) : findOne(session, who, ({ directoryUserId }) => directoryUserId);
}

async function findOne(session: Session, who: string, idOf: (user: UserSummary) => string): Promise<string> {
  const path = `${await session.tenantPath()}/users`;
  for (const criterion of criteria) {
    if (criterion === "id" && !uuid.test(who)) continue;
    const { items } = await session.api.get<{ readonly items: readonly UserSummary[] }>(path, {
      [criterion]: who,
      limit: 10,
    });
    const living = items.filter(({ deletedAt }) => deletedAt === undefined);
    const ids = [...new Set((living.length > 0 ? living : items).map(idOf))];
    if (ids.length > 1) {
      throw new CommandError(
        exitCodes.refused,
        "ambiguous",
        `${ids.length} users have this ${criterion}; name one by its id: ${ids.join(", ")}`,
      );
    }
    if (ids[0] !== undefined) return ids[0];
  }
  throw new CommandError(
    exitCodes.refused,
    "not_found",
    "no user of this tenant has this id, userName, externalId or subject",
  );
}
