export { type IngestDependencies, ingestRoutes } from "./scim-part.ts";
