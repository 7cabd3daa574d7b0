export * from "./connection.ts";
export * from "./directory-error.ts";
export * from "./directory.ts";
export * from "./event.ts";
export * from "./filter.ts";
export * from "./identifier.ts";
export * from "./subject.ts";
