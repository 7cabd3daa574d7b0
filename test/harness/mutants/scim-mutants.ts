import type { Mutant } from "./mutant.ts";

const scim = "apps/ingest/src/scim";
const store = "apps/core/src/store";

/** Mistakes that others made at this door, each known by the threat that came of it. */
export const scimMutants: readonly Mutant[] = [
  {
    name: "T1: an external id that looks like one of ours becomes the id",
    file: `${store}/user-directory.ts`,
    changes: [
      {
        from: "create(database, tenantId, sender, newId(), attributes),",
        to: 'create(database, tenantId, sender, /^[0-9a-f-]{36}$/.test(attributes.externalId ?? "") ? (attributes.externalId as string) : newId(), attributes),',
      },
    ],
    caughtBy: { file: "threats-scim", test: "T1: an id that a provider sends > becomes nobody's id" },
  },
  {
    name: "T2: whoever has the name already is taken over",
    file: `${store}/user-directory.ts`,
    changes: [
      {
        from: "const created = await unlessDead(async () => {",
        to: "const [twin] = await database.once<{ id: string; version: number; connection_id: string }>(tenantId, sql`SELECT id, version, connection_id FROM directory_user WHERE user_name = ${attributes.userName} AND deleted_at IS NULL LIMIT 1`); if (twin !== undefined && twin.connection_id !== sender.connectionId) { const [row] = await database.once<WrittenRow>(tenantId, replaceStatement(tenantId, { ...sender, connectionId: twin.connection_id }, twin.id, twin.version, attributes)); return written(row as WrittenRow, []); } const created = await unlessDead(async () => {",
      },
    ],
    caughtBy: {
      file: "threats-scim",
      test: "T2: somebody of the same name, address or external id > is somebody else",
    },
  },
  {
    name: "T3: a user is found whoever provisioned it",
    file: `${store}/user-statements.ts`,
    changes: [
      {
        from: "FROM directory_user WHERE id = ${id} AND connection_id = ${connectionId} AND deleted_at IS NULL`; }",
        to: "FROM directory_user WHERE id = ${id} AND deleted_at IS NULL`; }",
      },
    ],
    caughtBy: { file: "threats-scim", test: "T3: what a connection did not provision > answers it" },
  },
  {
    name: "T4: a body is read before the token",
    file: `${scim}/scim-routes.ts`,
    changes: [
      {
        from: 'app.addHook("onRequest", async (request) => {',
        to: 'app.addHook("preValidation", async (request) => {',
      },
      { from: "reword(callerOf(request).profile, parseJson(body))", to: "parseJson(body)" },
    ],
    caughtBy: { file: "threats-scim", test: "T4: who has no token > is told so" },
  },
  {
    name: "T5: the application's connections pass row-level security by",
    file: `${store}/database.ts`,
    changes: [{ from: "`-c role=${role} -c idle_in", to: "`-c idle_in" }],
    caughtBy: { file: "threats-scim", test: "T5: a reference to another tenant's > names nobody" },
  },
  {
    name: "T5: an admin's tenant is the one that the path names",
    file: "apps/console/src/admin-door.ts",
    changes: [
      {
        from: "if (tenant === undefined || roleIn(admin, tenant.id) === undefined) throw",
        to: "if (tenant === undefined) throw",
      },
      {
        from: 'return tenantId === undefined ? "admin" : roles.get(id);',
        to: 'return tenantId === undefined ? "admin" : (roles.get(id) ?? "admin");',
      },
    ],
    caughtBy: { file: "admin", test: "another's tenant answers an admin exactly as one that does not exist" },
  },
  {
    name: "T7: names that lead to a prototype pass",
    file: `${scim}/json-text.ts`,
    changes: [{ from: "if (forbidden.test(name)) {", to: "if (name === undefined) {" }],
    caughtBy: { file: "threats-requests", test: "T7: names that lead to a prototype > __proto__ is refused" },
  },
  {
    name: "T8: what is the server's to say is written from a body",
    file: `${scim}/resource-body.ts`,
    changes: [
      {
        from: 'if (attribute === undefined || attribute.mutability === "readOnly") continue;',
        to: "if (attribute === undefined) continue;",
      },
    ],
    caughtBy: { file: "threats-requests", test: "T8: attributes that are not the provider's to write" },
  },
  {
    name: "T9: a filter may be nested as deep as it likes",
    file: `${scim}/filter.ts`,
    changes: [{ from: "const depthMax = 40;", to: "const depthMax = 4000;" }],
    caughtBy: { file: "threats-requests", test: "(93) is refused by what it is" },
  },
  {
    name: "T10: the value of a filter is written into the statement",
    file: `${store}/value-match.ts`,
    changes: [
      {
        from: "return textHolds(column.value, operator, sql`${folded}::text`, folded);",
        to: "return textHolds(column.value, operator, new Sql([`'${folded}'`], []), folded);",
      },
      {
        from: "sql`(SELECT rollcall_fold(${wanted}))`, undefined);",
        to: "new Sql([`(SELECT rollcall_fold('${wanted}'))`], []), undefined);",
      },
    ],
    caughtBy: { file: "threats-requests", test: "T10: words of another language > ' OR '1'='1 in a value is a value" },
  },
  {
    name: "T10: what a filter says is left out of the statement",
    file: `${store}/list-statement.ts`,
    changes: [
      {
        from: "condition: part.filter === undefined ? living : sql`${living} AND ${filterSql(part.filter, searched)}`,",
        to: "condition: living,",
      },
    ],
    caughtBy: { file: "threats-requests", test: "T10: words of another language > ' OR '1'='1 in a value is a value" },
  },
  {
    name: "T11: a media type is cut before it is judged",
    file: `${scim}/request-headers.ts`,
    changes: [{ from: "jsonMediaType.exec(contentType)", to: "jsonMediaType.exec(contentType.split(/[\\t;]/)[0])" }],
    caughtBy: {
      file: "threats-requests",
      test: "T11: a body in another media type > application/json; charset is not read",
    },
  },
  {
    name: "T12: what is packed is read",
    file: `${scim}/scim-routes.ts`,
    changes: [
      {
        from: 'if (encoding !== undefined && encoding.toLowerCase() !== "identity") throw mediaTypeUnsupported();',
        to: "",
      },
    ],
    caughtBy: { file: "threats-requests", test: "T12: a body that is small on the wire" },
  },
  {
    name: "T13: of two answers to one question the last counts",
    file: `${scim}/json-text.ts`,
    changes: [{ from: "if (names.has(name)) throw", to: "if (name === undefined) throw" }],
    caughtBy: { file: "threats-requests", test: '{"userName":"ann","active":false,"active":true}' },
  },
  {
    name: "T14: a removal of members by value takes them all",
    file: `${scim}/group-members.ts`,
    changes: [
      {
        from: "return [{ kind, target: whole, value: readMemberValues(value) }];",
        to: 'return kind === "remove" ? [{ kind: "replace", target: whole, value: [] }] : [{ kind, target: whole, value: readMemberValues(value) }];',
      },
    ],
    caughtBy: { file: "threats-words", test: "T14: a group of thousands > loses whom a removal names" },
  },
  {
    name: "T14: every provider's silence about members empties the group",
    file: `${scim}/group-routes.ts`,
    changes: [{ from: 'caller.profile.putWithoutMembers === "empty" ? [] : undefined', to: "[]" }],
    caughtBy: { file: "threats-words", test: "T14: a group of thousands > is not emptied by silence" },
  },
  {
    name: "T14: a provider that has lost whom it removes removes everybody",
    file: "apps/core/src/domain/dialect-profiles.ts",
    changes: [{ from: 'deletedAgain: "204", removeAllMembers: "refuse"', to: 'deletedAgain: "204"' }],
    caughtBy: { file: "threats-words", test: "T14: a group of thousands > is emptied by a removal" },
  },
  {
    name: "T14: Keycloak's silence about members keeps whoever left last",
    file: `${scim}/group-routes.ts`,
    changes: [{ from: 'caller.profile.putWithoutMembers === "empty" ? [] : undefined', to: "undefined" }],
    caughtBy: { file: "wire", test: "keycloak/lifecycle.json" },
  },
  {
    name: "T15: an active that is no boolean is one by its truth",
    file: `${scim}/attribute-value.ts`,
    changes: [{ from: 'if (word === "true") return true;', to: 'if (word !== "false") return Boolean(value);' }],
    caughtBy: { file: "threats-words", test: "T15: active as a word" },
  },
  {
    name: "T16: names are compared in lower case alone",
    file: "apps/core/src/domain/identifier.ts",
    changes: [
      {
        from: 'folded.normalize("NFKC").toLowerCase().replaceAll("ς", "σ").normalize("NFKC")',
        to: "folded.toLowerCase()",
      },
    ],
    caughtBy: { file: "threats-words", test: "T16: names that look alike > are one name" },
  },
  {
    name: "a name brings back whoever had it last",
    file: `${store}/user-statements.ts`,
    changes: [
      {
        from: "sql`external_id = ${externalId}`;",
        to: "sql`(external_id = ${externalId} OR user_name_key = ${keyOf(attributes)})`;",
      },
    ],
    caughtBy: { file: "re-provisioning", test: "brings nothing of the old owner along" },
  },
  {
    name: "a conflict speaks of another connection's user",
    file: `${store}/name-holder.ts`,
    changes: [
      {
        from: "WHERE connection_id = ${wanted.connectionId} AND deleted_at IS NULL AND ${taken}",
        to: "WHERE deleted_at IS NULL AND ${taken} ORDER BY id",
      },
    ],
    caughtBy: { file: "re-provisioning", test: "and is of the caller's own connection" },
  },
  {
    name: "a deletion that is repeated is a deletion that failed",
    file: `${scim}/repeated-removal.ts`,
    changes: [{ from: 'profile.deletedAgain === "204"', to: "false" }],
    caughtBy: { file: "wire", test: "okta/lifecycle.json" },
  },
  {
    name: "whatever calls itself a provider is granted all that the provider is",
    file: "apps/core/src/domain/dialect-profiles.ts",
    changes: [{ from: "harmlessChoices(dialectProfiles[detected])", to: "dialectProfiles[detected]" }],
    caughtBy: { file: "wire", test: "scim/detected.json" },
  },
];
