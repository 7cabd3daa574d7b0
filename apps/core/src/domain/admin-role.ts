/** What somebody may do in a tenant: look; also set right what is wrong; also say who may speak. Each includes those before it. */
export const adminRoles = ["viewer", "operator", "admin"] as const;
export type AdminRole = (typeof adminRoles)[number];

/** Whether somebody with a role may do what takes another; nobody without one may do anything. */
export function roleSuffices(role: AdminRole | undefined, least: AdminRole): boolean {
  return role !== undefined && adminRoles.indexOf(role) >= adminRoles.indexOf(least);
}
