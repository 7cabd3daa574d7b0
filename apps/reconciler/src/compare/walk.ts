import type { Connection, Difference, SubjectKind } from "@rollcall/core/domain";
import {
  compareGroupPiece,
  compareSubjects,
  compareUsers,
  type Database,
  findGhosts,
  findOrphans,
  readCompared,
  readDriftSubjects,
  readGroupsWithin,
  readMemberPiece,
  readPiece,
  type NamedSubjects,
  readTied,
  type ResyncCursor,
  type ResyncRun,
  type ResyncStep,
  sieveUsers,
  type Transaction,
} from "@rollcall/core/store";
import { chosenEvents } from "./chosen-events.ts";

/** How many rows one step looks at, so that each is short and none fills the memory. */
const stepSizes = { users: 5_000, groups: 1_000, strangers: 10_000, named: 500 } as const;

type Sizes = { readonly [Name in keyof typeof stepSizes]: number };

/** What a step has looked at, before it is said whose events are to be written. */
type Looked = {
  readonly differences: readonly Difference[];
  readonly waiting: number;
  /** Subjects that the run is about. */
  readonly subjects: readonly { readonly kind: SubjectKind; readonly ids: readonly string[] }[];
  readonly compared: number;
  readonly again?: ResyncStep["again"];
  /** Where the same part goes on; undefined at its end. */
  readonly goesOn: ResyncCursor | undefined;
};

/** Looks at the next piece of a run and says what is to follow. Touches nothing: whoever records it makes it so. */
export async function walkStep(
  database: Database,
  tenantId: string,
  run: ResyncRun,
  sizes: Sizes = stepSizes,
): Promise<ResyncStep> {
  const connections = await database.inTenant(tenantId, readCompared);
  const cursor = run.cursor ?? firstCursor(run, connections);
  const looked = await look({ database, tenantId, run, connections, sizes }, cursor);
  return {
    compared: looked.compared,
    waiting: looked.waiting,
    differences: looked.differences,
    ...(looked.again === undefined ? {} : { again: looked.again }),
    events: chosenEvents(run, looked),
    cursor: looked.goesOn ?? nextPart(run, cursor, connections),
  };
}

type Scene = {
  readonly database: Database;
  readonly tenantId: string;
  readonly run: ResyncRun;
  readonly connections: ReadonlyMap<string, Connection>;
  readonly sizes: Sizes;
};

function look(scene: Scene, cursor: ResyncCursor): Promise<Looked> {
  switch (cursor.part) {
    case "users":
      return lookAtUsers(scene, cursor);
    case "groups":
      return lookAtGroups(scene, cursor);
    case "ghosts":
    case "orphans":
      return lookForStrangers(scene, cursor);
    case "user":
    case "group":
    case "members":
      return lookAtNamed(scene, cursor);
    case "apply":
    case "verify":
    case "standing":
      return lookAgain(scene, cursor);
    case "settle":
      return Promise.resolve(nothing);
  }
}

async function lookAtUsers(scene: Scene, cursor: ResyncCursor): Promise<Looked> {
  const { connections, run, sizes } = scene;
  const { connectionId = "", after } = cursor;
  const connection = connections.get(connectionId);
  if (connection === undefined) return nothing;
  // In a transaction of its own, whose settings are for it alone.
  const { last, size, suspects, waiting } = await inTenant(scene, (transaction) =>
    sieveUsers(transaction, scene.tenantId, connection, after, sizes.users),
  );
  const found = await inTenant(scene, (transaction) => compareUsers(transaction, connections, suspects));
  const ids =
    run.heals === "all" && last !== undefined
      ? await inTenant(scene, (transaction) => readPiece(transaction, "user", connectionId, after, last))
      : [];
  return {
    differences: found.differences,
    waiting: waiting + found.waiting.length,
    subjects: [{ kind: "user", ids }],
    compared: size,
    goesOn: size < sizes.users || last === undefined ? undefined : { ...cursor, after: last },
  };
}

async function lookAtGroups(scene: Scene, cursor: ResyncCursor): Promise<Looked> {
  const { run, sizes } = scene;
  const { connectionId = "", after } = cursor;
  return inTenant(scene, async (transaction) => {
    const { last, size, differences, waiting } = await compareGroupPiece(
      transaction,
      connectionId,
      after,
      sizes.groups,
    );
    const ids =
      run.heals === "all" && last !== undefined ? await readPiece(transaction, "group", connectionId, after, last) : [];
    return {
      differences,
      waiting: waiting.length,
      subjects: [{ kind: "group", ids }],
      compared: size,
      goesOn: size < sizes.groups || last === undefined ? undefined : { ...cursor, after: last },
    };
  });
}

/** Who is in the user store and not in the directory: found by the user store's own rows. */
async function lookForStrangers(scene: Scene, { part, after, iss }: ResyncCursor): Promise<Looked> {
  const { tenantId, sizes, connections } = scene;
  const { ids, next } = await inTenant(scene, (transaction) =>
    part === "ghosts"
      ? findGhosts(transaction, tenantId, after, sizes.strangers)
      : findOrphans(
          transaction,
          tenantId,
          iss === undefined || after === undefined ? undefined : { iss, subKey: after },
          sizes.strangers,
        ),
  );
  const found = await inTenant(scene, (transaction) =>
    compareSubjects(transaction, connections, { users: ids, groups: [] }),
  );
  // Each walk tells of its own kind: whoever is both a ghost and an orphan's owner is met twice.
  const own = part === "ghosts" ? "ghost" : "orphan_identity";
  return {
    differences: found.differences.filter(
      ({ kind }) => kind === own || (part === "ghosts" && kind === "wrong_membership"),
    ),
    waiting: found.waiting.length,
    subjects: [],
    compared: 0,
    goesOn: next && { part, ...("iss" in next ? { iss: next.iss, after: next.subKey } : next) },
  };
}

/** One person, or a group with all that it holds and everybody in it. */
async function lookAtNamed(scene: Scene, cursor: ResyncCursor): Promise<Looked> {
  const { run, sizes } = scene;
  const subjectId = run.subjectId ?? "";
  return inTenant(scene, async (transaction) => {
    if (cursor.part === "user")
      return lookAt(scene, transaction, { users: await readTied(transaction, subjectId), groups: [] }, undefined);
    const groups = await readGroupsWithin(transaction, subjectId);
    if (cursor.part === "group") return lookAt(scene, transaction, { users: [], groups }, undefined);
    const groupId = cursor.groupId ?? groups[0] ?? subjectId;
    const { ids, next } = await readMemberPiece(transaction, groupId, cursor.after, sizes.named);
    const following = groups[groups.indexOf(groupId) + 1];
    const inNext: ResyncCursor | undefined =
      following === undefined ? undefined : { part: "members", groupId: following };
    const goesOn: ResyncCursor | undefined = next === undefined ? inNext : { part: "members", groupId, after: next };
    return lookAt(scene, transaction, { users: ids, groups: [] }, goesOn);
  });
}

async function lookAt(
  { connections }: Scene,
  transaction: Transaction,
  { users, groups }: NamedSubjects,
  goesOn: ResyncCursor | undefined,
): Promise<Looked> {
  const { differences, waiting } = await compareSubjects(transaction, connections, { users, groups });
  const behind = new Set(waiting);
  const ids = [...users, ...groups];
  return {
    differences,
    waiting: waiting.length,
    subjects: [
      { kind: "user", ids: users },
      { kind: "group", ids: groups },
    ],
    compared: ids.length,
    // What others have found of the same subjects is settled with them.
    again: { ids: ids.filter((id) => !behind.has(id)), differences },
    goesOn,
  };
}

/** Subjects that were found to differ before: by a dry run, by this one, or by earlier ones. */
async function lookAgain(scene: Scene, { part, after }: ResyncCursor): Promise<Looked> {
  const { tenantId, run, sizes } = scene;
  const isNew = part === "apply";
  const choice =
    part === "standing"
      ? { butOf: run.id, connectionId: run.connectionId }
      : { of: (isNew ? run.appliesId : undefined) ?? run.id };
  return inTenant(scene, async (transaction) => {
    const rows = await readDriftSubjects(transaction, tenantId, choice, Number(after ?? 0), sizes.named);
    const idsOf = (kind: SubjectKind): readonly string[] => [
      ...new Set(rows.flatMap((row) => (row.subjectKind === kind ? [row.subjectId] : []))),
    ];
    const last = rows.at(-1);
    const goesOn = last === undefined || rows.length < sizes.named ? undefined : { part, after: String(last.id) };
    const looked = await lookAt(scene, transaction, { users: idsOf("user"), groups: idsOf("group") }, goesOn);
    return isNew ? looked : { ...looked, differences: [], waiting: 0, subjects: [], compared: 0 };
  });
}

const nothing: Looked = { differences: [], waiting: 0, subjects: [], compared: 0, goesOn: undefined };

function inTenant<Result>(
  { database, tenantId }: Scene,
  work: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  return database.inTenant(tenantId, work);
}

function firstCursor(run: ResyncRun, connections: ReadonlyMap<string, Connection>): ResyncCursor {
  if (run.appliesId !== undefined) return { part: "apply" };
  if (run.scope === "user" || run.scope === "group") return { part: run.scope };
  const connectionId = run.connectionId ?? [...connections.keys()][0];
  return connectionId === undefined ? { part: "ghosts" } : { part: "users", connectionId };
}

/** Which part comes behind one; undefined behind the last. */
function nextPart(
  run: ResyncRun,
  { part, connectionId }: ResyncCursor,
  connections: ReadonlyMap<string, Connection>,
): ResyncCursor | undefined {
  switch (part) {
    case "users":
      return { part: "groups", ...(connectionId === undefined ? {} : { connectionId }) };
    case "groups": {
      const ids = [...connections.keys()];
      const following = run.scope === "tenant" ? ids[ids.indexOf(connectionId ?? "") + 1] : undefined;
      if (following !== undefined) return { part: "users", connectionId: following };
      return { part: run.scope === "tenant" ? "ghosts" : "settle" };
    }
    case "ghosts":
      return { part: "orphans" };
    case "group":
      return { part: "members" };
    case "orphans":
    case "user":
    case "members":
    case "apply":
      return { part: "settle" };
    case "settle":
      return run.heals === "none" ? lastPart(run) : { part: "verify" };
    case "verify":
      return lastPart(run);
    case "standing":
      return undefined;
  }
}

/** Only whoever has looked at everybody in a place has earlier words on it to look into. */
function lastPart({ scope, appliesId }: ResyncRun): ResyncCursor | undefined {
  const isWhole = appliesId === undefined && (scope === "tenant" || scope === "connection");
  return isWhole ? { part: "standing" } : undefined;
}
