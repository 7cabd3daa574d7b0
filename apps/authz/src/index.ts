export { authzRoutes, type AuthzRoutesOptions } from "./authz.ts";
export { parseAuthzOptions, type AuthzOptions } from "./options.ts";
