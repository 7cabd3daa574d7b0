export { createAuthzGrpc, listenGrpc, type AuthzGrpcOptions } from "./authz-grpc.ts";
export { authzRoutes, type AuthzRoutesOptions } from "./authz.ts";
export { identityHeaders } from "./identity-headers.ts";
export { parseAuthzOptions, type AuthzOptions } from "./options.ts";
