import type { Config } from "@rollcall/core/runtime";
import type { LoginSettings } from "./login-provider.ts";

/** What a process reads to know where people log in. */
export const loginSettingNames = [
  "ADMIN_OIDC_ISSUER",
  "ADMIN_OIDC_CLIENT_ID",
  "ADMIN_OIDC_CLIENT_SECRET",
  "ADMIN_OIDC_ROLES",
] as const;

/** Undefined where nothing is set; that it is all or nothing was seen to when it was read. */
export function loginSettingsOf(config: Config<(typeof loginSettingNames)[number]>): LoginSettings | undefined {
  const {
    ADMIN_OIDC_ISSUER: issuer,
    ADMIN_OIDC_CLIENT_ID: clientId,
    ADMIN_OIDC_CLIENT_SECRET: clientSecret,
    ADMIN_OIDC_ROLES: roles,
  } = config;
  if (issuer === undefined || clientId === undefined || clientSecret === undefined || roles === undefined)
    return undefined;
  return { issuer, clientId, clientSecret, roles };
}
