export { type AdmissionOptions, placesIn } from "./scim/admission.ts";
export { type IngestDependencies, ingestRoutes } from "./scim-part.ts";
