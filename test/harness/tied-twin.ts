import { newId } from "@rollcall/core/runtime";
import { addIdentity, linkUser, sql } from "@rollcall/core/store";
import type { House } from "./house.ts";
import { ask, createTwin, type Twin } from "./twin.ts";
import { untilQuiet } from "./user-store.ts";

export type TwinLink = { readonly userId: string; readonly directoryUserId: string };

/** A twin of which an admin has tied something by hand, and an event of which was given up. */
export type TiedTwin = Twin & {
  /** Two users who are one, a subject that was given to the twin's user, and the event. */
  readonly link: TwinLink;
  readonly identity: string;
  readonly deadLetter: number;
  /** One more of each, for a request that will spoil it. */
  spareLink(): Promise<TwinLink>;
  spareIdentity(): Promise<string>;
  spareDeadLetter(): Promise<number>;
  /** A connection more, of which nothing has come yet, and one that is paused; each answers its slug. */
  spareConnection(): Promise<string>;
  sparePaused(): Promise<string>;
  /** The session of somebody who has exchanged a token for it. */
  spareSession(): Promise<string>;
};

export async function createTiedTwin(house: House): Promise<TiedTwin> {
  const { database } = house;
  const twin = await createTwin(house);
  let count = 0;
  const act = () => ({ actor: "twin", at: new Date() });
  const spareLink = async (): Promise<TwinLink> => {
    const names = { userId: await twin.spareUser(), directoryUserId: await twin.spareUser() };
    await linkUser(database, twin.id, names, newId, act());
    return names;
  };
  const spareIdentity = async (): Promise<string> => {
    const sub = `agent-${(count += 1)}`;
    await addIdentity(database, twin.id, twin.userId, { iss: twin.issuer, sub }, act());
    return sub;
  };
  const spareDeadLetter = async (): Promise<number> => {
    const [row] = await database.once<{ id: number }>(
      twin.id,
      sql`INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane, attempts, last_error, dead_at)
        VALUES (${twin.id}, ${twin.connectionId}, 'admin', ${newId()}, 'user.updated', 'user', ${twin.userId}, false, rollcall_lane(${twin.userId}), 8, ${twin.mark}, now())
        RETURNING id`,
    );
    if (row === undefined) throw new Error("no dead letter was made");
    return row.id;
  };
  const say = (path: string, body: object): Promise<Response> => ask(house, twin.adminToken, "POST", path, body);
  const spareConnection = async (): Promise<string> => {
    const slug = `tied-${(count += 1)}`;
    await say(`/tenants/${twin.slug}/connections`, { slug });
    return slug;
  };
  const sparePaused = async (): Promise<string> => {
    const slug = await spareConnection();
    await say(`/tenants/${twin.slug}/connections/${slug}/pause`, {});
    return slug;
  };
  const spareSession = async (): Promise<string> => {
    const { headers } = await say("/login/token", { token: twin.adminToken });
    return /^rollcall_session=([^;]+)/.exec(headers.getSetCookie()[0] ?? "")?.[1] ?? "";
  };
  const tied = { link: await spareLink(), identity: await spareIdentity(), deadLetter: await spareDeadLetter() };
  await untilQuiet(house, twin.id);
  const admin = { spareConnection, sparePaused, spareSession };
  return { ...twin, ...tied, ...admin, spareLink, spareIdentity, spareDeadLetter };
}
