import type { Json } from "@rollcall/core/domain";
import type { Query } from "./list-parameters.ts";

/** A request to all resources of a type. */
export type Collection = { Querystring: Query; Body: Json | undefined };

/** A request to one resource. */
export type One = Collection & { Params: { readonly id: string } };
