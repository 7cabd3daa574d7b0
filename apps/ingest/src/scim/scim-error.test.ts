import { expect, test } from "vitest";
import { scimErrors } from "./scim-error.ts";

/** RFC 7644 §3.12, Table 8, and of other RFCs what they add: 406, 415 and 503 are HTTP's own, 429 is RFC 6585's. */
const statuses: ReadonlySet<number> = new Set([400, 401, 403, 404, 406, 409, 412, 413, 415, 429, 501, 503]);

/** Table 9, and what RFC 9865 §2.1 adds; each keyword goes with one status. */
const keywords: Readonly<Record<string, number>> = {
  invalidFilter: 400,
  tooMany: 400,
  uniqueness: 409,
  mutability: 400,
  invalidSyntax: 400,
  invalidPath: 400,
  noTarget: 400,
  invalidValue: 400,
  invalidVers: 400,
  sensitive: 403,
  invalidCursor: 400,
  expiredCursor: 400,
  invalidCount: 400,
};

test("every refusal has a status of the RFCs, and with a keyword the keyword's own", () => {
  for (const [code, row] of Object.entries(scimErrors)) {
    const { status, scimType }: { readonly status: number; readonly scimType?: string } = row;
    expect([code, statuses.has(status)]).toEqual([code, true]);
    if (scimType !== undefined) expect([code, status]).toEqual([code, keywords[scimType]]);
    // A 400 without a keyword would leave its sender to guess.
    else expect([code, status]).not.toEqual([code, 400]);
  }
});
