import { z } from "zod";

const role = z.enum(["viewer", "operator", "admin"]);
const shape = 'must be as {"claim":"groups","values":{"staff":{"acme":"viewer"},"root":"house"}}';

/** What the values of a claim give: the house, or a role in each of some tenants, by their slugs. */
export const loginRoles = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: "custom", message: "must be JSON" });
      return z.NEVER;
    }
  })
  .pipe(
    z.strictObject(
      {
        claim: z.string().min(1),
        /** What the provider is asked for; it may tell groups only under a scope of its own. */
        scope: z
          .string()
          .refine((scope) => scope.split(" ").includes("openid"), "must include openid")
          .default("openid profile email"),
        values: z
          .record(z.string(), z.union([z.literal("house"), z.record(z.string(), role)]))
          .refine((values) => Object.keys(values).length > 0, "must name at least one value"),
      },
      shape,
    ),
  );
