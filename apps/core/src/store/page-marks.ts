import { createHash } from "node:crypto";
import type { Listing, Place } from "../domain/index.ts";

export type PageMarks = {
  /** Where the page before `startIndex` ended, if one was given out lately. */
  find(list: string, startIndex: number): Place | undefined;
  set(list: string, startIndex: number, place: Place): void;
};

/** A walk takes its next page within seconds; one that pauses for longer is counted to its place. */
const rememberMs = 5 * 60_000;
const rememberMax = 20_000;

/**
 * Remembers where pages ended, so that who walks a list by index goes on from there: it costs the
 * same on every page, and whoever is deleted or created before that place shifts nobody past the
 * walker. The last walk wins; RFC 7644 §3.4.2.4 promises no session.
 */
export function createPageMarks(now: () => number, max = rememberMax): PageMarks {
  const marks = new Map<string, { readonly place: Place; readonly untilMs: number }>();
  return {
    find: (list, startIndex) => {
      const mark = marks.get(`${list} ${startIndex}`);
      return mark !== undefined && mark.untilMs > now() ? mark.place : undefined;
    },
    set: (list, startIndex, place) => {
      const name = `${list} ${startIndex}`;
      // Put at the end again, so that the first is the one that was set the longest ago.
      marks.delete(name);
      marks.set(name, { place, untilMs: now() + rememberMs });
      if (marks.size > max) marks.delete(marks.keys().next().value as string);
    },
  };
}

/** A list's name among the marks: two lists with one name would continue each other. */
export function listName(tenantId: string, connectionId: string, { parts, sort }: Listing): string {
  return createHash("sha256")
    .update(JSON.stringify([tenantId, connectionId, parts, sort]))
    .digest("base64url");
}
