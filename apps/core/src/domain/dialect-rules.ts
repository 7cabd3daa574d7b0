/**
 * Where identity providers differ: each rule, what a connection may choose, and what each choice
 * means in words for the admin. What every provider is granted is in `commonTolerances`.
 * A `harmless` choice only reads more, answers success for what is so already, or takes less away.
 */
export const dialectRules = {
  unknownAttribute: {
    harmless: undefined,
    choices: {
      refuse: "A PATCH that names an unknown attribute is refused whole: 400 invalidPath, which names it.",
      ignore: "A PATCH keeps what is known; a Warning header and the log name the unknown attributes passed over.",
    },
  },
  removeAllMembers: {
    harmless: "refuse",
    choices: {
      refuse:
        "A PATCH that removes members without saying which is refused: 400. Replacing them by [] empties a group.",
      permit: "A PATCH that removes members without saying which empties the group (RFC 7644 §3.5.2.2).",
    },
  },
  putWithoutMembers: {
    harmless: undefined,
    choices: {
      keep: "A PUT of a group that does not speak of members leaves them as they are.",
      empty: "A PUT of a group that does not speak of members empties it.",
    },
  },
  groupPatchAnswer: {
    harmless: undefined,
    choices: {
      "204":
        "A PATCH of a group is answered 204 without a body, however large the group; 200 where it asks for attributes.",
      "200": "A PATCH of a group is answered 200 with the whole group.",
    },
  },
  deletedAgain: {
    harmless: "204",
    choices: {
      "404": "A DELETE of what this connection has deleted already is answered 404 (RFC 7644 §3.6).",
      "204":
        "A DELETE of what this connection has deleted already is answered 204 again, so that a repetition succeeds.",
    },
  },
  methodOverride: {
    harmless: undefined,
    choices: {
      refuse: "X-HTTP-Method-Override is passed over, and POST to one resource is refused: 405.",
      permit: "POST to one resource with X-HTTP-Method-Override: PUT, PATCH or DELETE does what the header says.",
    },
  },
  textJson: {
    harmless: "permit",
    choices: {
      refuse: "A body must be application/scim+json or application/json; anything else is refused: 415.",
      permit: "A body may also be text/json.",
    },
  },
  oldNames: {
    harmless: "read",
    choices: {
      unknown: "SCIM 1.1's schema URNs and manager.managerId are unknown names.",
      read: "SCIM 1.1's schema URNs (urn:scim:schemas:…) and manager.managerId are read as today's names.",
    },
  },
  roleText: {
    harmless: "read",
    choices: {
      keep: "A role's value is kept as it is, also where it is JSON text.",
      read: "A role's value that is the JSON text of a role is read as that role.",
    },
  },
  lookAlikeNames: {
    harmless: undefined,
    choices: {
      refuse:
        "A new userName that mixes scripts so that it may look like another is refused: 400. Users who exist keep theirs.",
      permit: "A userName may mix scripts, though it may look like another.",
    },
  },
} as const satisfies Readonly<
  Record<string, { readonly harmless: string | undefined; readonly choices: Readonly<Record<string, string>> }>
>;

export type DialectRule = keyof typeof dialectRules;

/** One choice for every rule: how one sender is read and answered. */
export type DialectProfile = { readonly [Rule in DialectRule]: keyof (typeof dialectRules)[Rule]["choices"] };

/** What an admin has set for one connection otherwise than its kind says. */
export type DialectChoices = { readonly [Rule in DialectRule]?: DialectProfile[Rule] };

/** What an admin changes; null leaves a rule to the kind again. */
export type DialectPatch = { readonly [Rule in DialectRule]?: DialectProfile[Rule] | null | undefined };

export const dialectRuleNames = Object.keys(dialectRules) as readonly DialectRule[];

/** What every connection is granted, in words. */
export const commonTolerances: readonly string[] = [
  "Operations and op, attribute names and schema URNs are read in any case.",
  'The words "true" and "false" in any case are booleans where the schema says boolean: in bodies, PATCH values and filters. Anything else is refused.',
  "A PATCH value without a path may name attributes by dotted paths (name.givenName), element paths and schema URNs.",
  "A PATCH that removes members with a value removes those and nobody else.",
  "A PATCH of elements by an eq filter that fits none brings the element into being.",
  "A manager may be a bare id; an empty one or null means nobody.",
  "meta, groups, password, display, $ref, an id that is null or the resource's own, and foreign schema URIs are passed over.",
  "What a POST or PUT names and the schema does not know is not kept; a Warning header names it.",
  "The value of a filter that is one comparison may stand without quotes.",
  "Query parameters that SCIM does not know, and a slash at the end of a path, are passed over.",
  "A filter that fits nobody is answered 200 with an empty list; an id that is not there, 404.",
  "A write that changes nothing succeeds, with no new version and no event.",
  "userName compares without case and is kept as it was written; externalId and id compare exactly.",
];
