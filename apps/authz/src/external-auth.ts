import { fileURLToPath } from "node:url";
import type { ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

export type HeaderValue = { readonly key: string; readonly value?: string; readonly raw_value?: Uint8Array };
export type HeaderValueOption = { readonly header: HeaderValue; readonly append_action: "OVERWRITE_IF_EXISTS_OR_ADD" };

/** What is read of Envoy's question. Whatever is absent on the wire is left out. */
export type CheckRequest = {
  readonly attributes?: {
    readonly request?: {
      readonly http?: {
        readonly method?: string;
        readonly path?: string;
        readonly host?: string;
        readonly scheme?: string;
        readonly protocol?: string;
        readonly headers?: Readonly<Record<string, string>>;
        readonly header_map?: { readonly headers?: readonly HeaderValue[] };
      };
    };
    readonly context_extensions?: Readonly<Record<string, string>>;
  };
};

export type CheckResponse = {
  readonly status: { readonly code: number };
  readonly ok_response?: {
    readonly headers: readonly HeaderValueOption[];
    readonly headers_to_remove: readonly string[];
  };
  readonly denied_response?: {
    readonly status: { readonly code: number };
    readonly headers: readonly HeaderValueOption[];
    readonly body: string;
  };
};

const definition = loadSync(fileURLToPath(new URL("external-auth.proto", import.meta.url)), {
  keepCase: true,
  enums: String,
  longs: String,
});

/** `envoy.service.auth.v3.Authorization`, for a server and for a client. */
export const externalAuth = definition["envoy.service.auth.v3.Authorization"] as ServiceDefinition;
