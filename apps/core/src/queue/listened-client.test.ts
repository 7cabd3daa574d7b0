import { expect, test } from "vitest";
import { ListenedClient } from "./listened-client.ts";

test("a connection that is being closed is still listened to", () => {
  const client = new ListenedClient();
  client.removeAllListeners();
  expect(client.emit("error", new Error("terminating connection"))).toBe(true);
});
