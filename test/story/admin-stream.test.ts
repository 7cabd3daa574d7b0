import { ServerResponse } from "node:http";
import { connect } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { adminOf } from "../harness/admin.ts";
import { followerIn, holdIntervals } from "../harness/follower.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const house = await openHouse();
const { viewerOf } = followerIn(house);

test("whoever follows a tenant and reads nothing of it ends nobody but themselves when they may follow no more", async () => {
  const tenant = await createTenant(house);
  const admin = await adminOf(house, tenant);
  const clock = await holdIntervals(house);
  const heads = vi.spyOn(ServerResponse.prototype, "writeHead");
  onTestFinished(() => heads.mockRestore());
  const viewer = await viewerOf(tenant);
  const socket = connect(Number(new URL(house.url).port), "127.0.0.1").pause();
  onTestFinished(() => void socket.destroy());
  socket.write(
    `GET /v1/admin/tenants/${tenant.slug}/stream HTTP/1.1\r\nhost: story\r\nauthorization: Bearer ${viewer.token}\r\n\r\n`,
  );
  const began = (): ServerResponse | undefined =>
    heads.mock.contexts.find((_response, at) => JSON.stringify(heads.mock.calls[at]).includes("event-stream")) as
      | ServerResponse
      | undefined;
  const stream = await until("the stream begins", began);
  // As much as hours of changes are, so that its end waits behind it.
  stream.write(": unread\n".repeat(4_000_000));
  expect((await admin("DELETE", `/tenants/${tenant.slug}/tokens/${viewer.id}`)).status).toBe(204);
  await clock.advanceUntil("it is ended", () => stream.writableEnded);
  const failed: unknown[] = [];
  const note = (error: unknown): void => void failed.push(error);
  process.on("uncaughtException", note);
  onTestFinished(() => void process.off("uncaughtException", note));
  const writes = vi.spyOn(stream, "write");
  let count = 0;
  await until("something has changed several times", async () => {
    await tenant.scim("POST", "/Users", newUser(`late-${(count += 1)}`));
    return writes.mock.calls.length >= 3;
  });
  expect((await fetch(`${house.url}/v1/admin/login/methods`)).status).toBe(200);
  expect(failed).toEqual([]);
});
