import { createHash } from "node:crypto";
import type { IdAttribute, SourceEvent } from "@rollcall/core/domain";
import { acceptSourceEvent, type Database, isTransient, type OpenSource } from "@rollcall/core/store";
import type { SchemasOf } from "../scim/connection-schemas.ts";
import { readUserBody } from "../scim/user-body.ts";
import type { Outcome, ToldEvent } from "./source-adapter.ts";

export type EventIntake = {
  /** Whether it takes something away from somebody: those are shed last. */
  denies(event: SourceEvent): boolean;
  /** Resolves, with what came of each, once every event is committed; what was committed before one that fails stays, and is known again. */
  take(
    source: Pick<OpenSource, "id" | "connection" | "settings">,
    events: readonly ToldEvent[],
    receivedAt: Date,
  ): Promise<readonly Outcome[]>;
};

export type EventIntakeOptions = {
  readonly database: Database;
  readonly schemasOf: SchemasOf;
  readonly wake: (lanes: readonly number[], denying: boolean) => void;
  readonly newId: () => string;
};

/** Takes in what sources tell, each event in a transaction of its own and denials first. */
export function createEventIntake({ database, schemasOf, wake, newId }: EventIntakeOptions): EventIntake {
  return {
    denies,
    take: async ({ id, connection, settings }, events, receivedAt) => {
      const { user: schema } = await schemasOf(connection);
      const origin = { sourceId: id, connection, idAttribute: idAttributeOf(settings), lifts: liftsOf(settings) };
      const outcomes = new Map<ToldEvent, Outcome>();
      const takeOne = async (told: ToldEvent): Promise<void> => {
        const { event, payload } = told;
        const { lanes, denying, outcome } = await acceptSourceEvent(database, connection.tenantId, origin, event, {
          receivedAt,
          payloadHash: createHash("sha256").update(JSON.stringify(payload)).digest(),
          newId,
          checked: (attributes) => readUserBody(schema, attributes),
        });
        if (lanes.length > 0) wake(lanes, denying);
        outcomes.set(told, outcome);
      };
      const failures: unknown[] = [];
      for (const told of events.toSorted((a, b) => Number(denies(b.event)) - Number(denies(a.event))))
        await takeOne(told).catch((error: unknown) => {
          // What ails the database ails every event; what ails this event must not keep back the next.
          if (isTransient(error)) throw error;
          failures.push(error);
        });
      if (failures.length > 0) throw failures[0];
      return events.flatMap((told) => outcomes.get(told) ?? []);
    },
  };
}

function denies({ kind, attributes }: SourceEvent): boolean {
  return kind === "disabled" || kind === "deleted" || kind === "sessions_ended" || attributes?.["active"] === false;
}

function idAttributeOf(settings: OpenSource["settings"]): IdAttribute {
  return settings["idAttribute"] === "none" ? "none" : "externalId";
}

function liftsOf(settings: OpenSource["settings"]): "own" | "all" {
  return settings["lifts"] === "all" ? "all" : "own";
}
