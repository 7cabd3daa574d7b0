import type { OpenSource } from "@rollcall/core/store";
import type { HookRequest } from "./source-adapter.ts";
import { isSecret, unverified } from "./verification.ts";

/** Throws where the Authorization header is none of the source's secrets. Senders write `Bearer` before it or not, as their admins were told. */
export function requireAuthorization({ headers }: HookRequest, { secrets }: OpenSource): void {
  if (!isSecret(headers.authorization?.replace(/^Bearer +/i, ""), secrets)) throw unverified();
}
