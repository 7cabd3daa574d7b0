import type { LoadRequest, LoadTarget } from "../http-load.ts";
import { userBody } from "./seed-user.ts";

/** A server under load, and what it holds already. */
export type Contestant = {
  readonly target: LoadTarget;
  readonly base: string;
  userName(number: number): string;
  readonly userIds: readonly string[];
  readonly groupId: string;
};

export const operations = ["post", "patch", "filter", "page", "member"] as const;
export type Operation = (typeof operations)[number];

const patchOp = (operation: object): string =>
  JSON.stringify({ schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], Operations: [operation] });

/**
 * The requests of one operation in one round. Each changes something: a new userName, the other state of a
 * user, another member. `round` and `number` say which.
 */
export function requestsOf(
  { base, userName, userIds, groupId }: Contestant,
  operation: Operation,
  round: number,
): (number: number) => LoadRequest {
  const idAt = (number: number): string => {
    const id = userIds[number % userIds.length];
    if (id === undefined) throw new Error("nobody was seeded");
    return id;
  };
  switch (operation) {
    case "post":
      return (number) => ({
        method: "POST",
        path: `${base}/Users`,
        body: JSON.stringify(userBody(`new-${round}-${number}@bench.test`)),
        statuses: [201],
      });
    case "patch":
      return (number) => ({
        method: "PATCH",
        path: `${base}/Users/${idAt(number)}`,
        body: patchOp({ op: "replace", path: "active", value: round % 2 === 1 }),
        statuses: [200],
      });
    case "filter":
      return (number) => ({
        method: "GET",
        path: `${base}/Users?filter=userName%20eq%20%22${userName(number * 7919)}%22`,
        statuses: [200],
      });
    case "page":
      return () => ({ method: "GET", path: `${base}/Users?startIndex=1&count=100`, statuses: [200] });
    case "member":
      return (number) => ({
        method: "PATCH",
        path: `${base}/Groups/${groupId}`,
        body: patchOp({ op: "add", path: "members", value: [{ value: idAt(round * 1_000 + number) }] }),
        statuses: [200, 204],
      });
  }
}
