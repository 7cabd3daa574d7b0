export { type AdmissionOptions, placesIn } from "./scim/admission.ts";
export { type IngestDependencies, ingestRoutes } from "./ingest-routes.ts";
export { startStreamPoller, type StreamPoller, type StreamPollerOptions } from "./stream-poller.ts";
