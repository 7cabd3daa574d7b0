export * from "./bell.ts";
export * from "./config.ts";
export * from "./http.ts";
export * from "./id.ts";
export * from "./log.ts";
export * from "./process.ts";
export * from "./shutdown.ts";
export * from "./start-error.ts";
