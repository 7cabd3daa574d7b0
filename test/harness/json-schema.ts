/** A schema as the description of the API writes it: the part of JSON Schema 2020-12 that it uses. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const known = new Set(
  `type properties required additionalProperties propertyNames items prefixItems minItems maxItems anyOf oneOf allOf enum const
   format pattern default description minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength not`.split(
    /\s+/,
  ),
);

/** Where a value does not keep to a schema, and why; empty where it does. Throws for a keyword that nobody here knows. */
export function faultsIn(schema: JsonSchema, value: unknown, at = ""): readonly string[] {
  for (const keyword of Object.keys(schema))
    if (!known.has(keyword)) throw new Error(`${at}: unknown keyword ${keyword}`);
  const { anyOf, oneOf, allOf, enum: choices, const: only, type } = schema as Record<string, readonly JsonSchema[]>;
  const either = anyOf ?? oneOf;
  return [
    ...(either !== undefined && either.every((one) => faultsIn(one, value, at).length > 0)
      ? [`${at}: is none of its kinds`]
      : []),
    ...(allOf ?? []).flatMap((one) => faultsIn(one, value, at)),
    ...(choices !== undefined && !choices.includes(value as JsonSchema)
      ? [`${at}: is none of ${JSON.stringify(choices)}`]
      : []),
    ...("const" in schema && (only as unknown) !== value ? [`${at}: is not ${JSON.stringify(only)}`] : []),
    ...(type !== undefined && !isOf(type as unknown, value) ? [`${at}: is no ${JSON.stringify(type)}`] : []),
    ...inText(schema, value, at),
    ...(Array.isArray(value) ? inList(schema, value, at) : inObject(schema, value, at)),
  ];
}

function isOf(type: unknown, value: unknown): boolean {
  if (Array.isArray(type)) return type.some((one) => isOf(one, value));
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return type === "integer" ? Number.isInteger(value) : typeof value === type;
}

function inText({ pattern }: JsonSchema, value: unknown, at: string): readonly string[] {
  return typeof value === "string" && typeof pattern === "string" && !new RegExp(pattern, "u").test(value)
    ? [`${at}: does not match ${pattern.slice(0, 40)}`]
    : [];
}

function inList({ items }: JsonSchema, value: readonly unknown[], at: string): readonly string[] {
  return items === undefined
    ? []
    : value.flatMap((item, index) => faultsIn(items as JsonSchema, item, `${at}[${index}]`));
}

function inObject(schema: JsonSchema, value: unknown, at: string): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  const {
    properties = {},
    required = [],
    additionalProperties = true,
  } = schema as {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
    readonly additionalProperties?: boolean | JsonSchema;
  };
  const missing = required.filter((name) => !Object.hasOwn(value, name)).map((name) => `${at}.${name}: is missing`);
  const held = Object.entries(value).flatMap(([name, part]) => {
    const described = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    if (described === false) return [`${at}.${name}: is described nowhere`];
    return typeof described === "object" ? faultsIn(described, part, `${at}.${name}`) : [];
  });
  return [...missing, ...held];
}
