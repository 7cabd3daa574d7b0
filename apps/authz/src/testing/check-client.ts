import { type Client, credentials, makeGenericClientConstructor, type ServiceError } from "@grpc/grpc-js";
import { type CheckRequest, type CheckResponse, externalAuth } from "../external-auth.ts";

type CheckStub = Client & {
  Check(request: CheckRequest, done: (error: ServiceError | null, response?: CheckResponse) => void): void;
};

export type { CheckRequest, CheckResponse, ServiceError };

/** Asks as Envoy does, over a real connection; for tests. */
export function createCheckClient(address: string) {
  const Authorization = makeGenericClientConstructor(externalAuth, "Authorization");
  const stub = new Authorization(address, credentials.createInsecure()) as unknown as CheckStub;
  return {
    check: (request: CheckRequest) =>
      new Promise<CheckResponse>((resolve, reject) => {
        stub.Check(request, (error, response) => (response === undefined ? reject(error) : resolve(response)));
      }),
    close: () => stub.close(),
  };
}
