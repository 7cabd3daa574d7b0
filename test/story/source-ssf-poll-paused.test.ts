import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { createPolledScene, troubleOf } from "../harness/polled-scene.ts";
import { type PolledTransmitter, startPoller } from "../harness/polled-transmitter.ts";
import { risc, secondsOf } from "../harness/security-events.ts";
import { openIssuer } from "../harness/signing-issuer.ts";
import type { TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const house = await openHouse();
const issuer = await openIssuer();

describe("while its connection is paused, a transmitter", () => {
  test("has its denials taken; who comes back is not acknowledged, and let in after the resume", async () => {
    const { tenant, transmitter, source, say } = await createPolledScene(house, issuer);
    await say("bob", { [`${risc}account-disabled`]: { event_timestamp: secondsOf(new Date()) - 60 } });
    startPoller(house);
    await until("bob is out", async () => (await standingOf(tenant))["bob"] === false);
    await until("it was acknowledged", () => transmitter.waiting.size === 0);
    await pause(tenant, true);
    const enabling = await say("bob", { [`${risc}account-enabled`]: { event_timestamp: secondsOf(new Date()) } });
    const disabling = await say("ann", { [`${risc}account-disabled`]: {} });
    await until("the denial is acknowledged", () => settledIn(transmitter).includes(disabling));
    await untilGivenAgain(transmitter);
    expect(settledIn(transmitter)).not.toContain(enabling);
    expect(await standingOf(tenant)).toEqual({ ann: false, bob: false });
    // Nobody has failed: more polls than it takes to tell a person were made, and nobody was told.
    expect(await troubleOf(house, tenant, source)).toEqual([null, undefined]);
    await pause(tenant, false);
    await until("it is acknowledged", () => settledIn(transmitter).includes(enabling));
    await until("bob is back", async () => (await standingOf(tenant))["bob"]);
    expect(await standingOf(tenant)).toEqual({ ann: false, bob: true });
    expect(transmitter.polls.flatMap(({ setErrs }) => Object.keys(setErrs ?? {}))).toEqual([]);
  });

  test("is heard past what it has to keep, so that no denial waits behind it", async () => {
    const { tenant, transmitter, say } = await createPolledScene(house, issuer);
    await pause(tenant, true);
    for (let number = 0; number < 12; number += 1) await say("bob", { [`${risc}account-enabled`]: {} });
    const disabling = await say("ann", { [`${risc}account-disabled`]: {} });
    startPoller(house, { eventsMax: 3 });
    await until("the denial is acknowledged", () => settledIn(transmitter).includes(disabling));
    expect(await standingOf(tenant)).toMatchObject({ ann: false });
    await untilGivenAgain(transmitter);
    expect(settledIn(transmitter)).toEqual([disabling]);
    await pause(tenant, false);
    await until("nothing waits any more", () => transmitter.waiting.size === 0);
  });

  test("that was asked before the pause is heard as after it", async () => {
    const { tenant, transmitter, say } = await createPolledScene(house, issuer);
    await say("bob", { [`${risc}account-disabled`]: { event_timestamp: secondsOf(new Date()) - 60 } });
    startPoller(house, { waitMs: 20_000, turnMs: 20_000 });
    await until("it was acknowledged", () => transmitter.waiting.size === 0);
    const gate = Promise.withResolvers<void>();
    let asked = 0;
    transmitter.answer = (_poll, response) => {
      asked += 1;
      void gate.promise.then(() => response.end(JSON.stringify({ sets: Object.fromEntries(transmitter.waiting) })));
      return true;
    };
    await until("it is asked", () => asked > 0);
    await pause(tenant, true);
    await say("bob", { [`${risc}account-enabled`]: { event_timestamp: secondsOf(new Date()) } });
    await say("ann", { [`${risc}account-disabled`]: {} });
    gate.resolve();
    await until("the denial is taken", async () => (await standingOf(tenant))["ann"] === false);
    await untilGivenAgain(transmitter);
    expect(await standingOf(tenant)).toEqual({ ann: false, bob: false });
  });
});

async function pause({ id, connectionId }: TestTenant, paused: boolean): Promise<void> {
  await house.database.once(
    id,
    sql`UPDATE connection SET paused_at = CASE WHEN ${paused} THEN now() END WHERE id = ${connectionId}`,
  );
}

/** What was acknowledged or refused. */
function settledIn({ polls }: PolledTransmitter): readonly string[] {
  return polls.flatMap(({ ack, setErrs }) => [...ack, ...Object.keys(setErrs ?? {})]);
}

/** Until it has given what waits so often that each time was answered. */
async function untilGivenAgain({ polls }: PolledTransmitter): Promise<void> {
  const before = polls.length;
  await until("what waits was given again and again", () => polls.length >= before + 8);
}

/** Who is active, by what the directory holds: who is paused is asked nothing by SCIM. */
async function standingOf({ id }: TestTenant): Promise<Record<string, boolean>> {
  const rows = await house.database.once<{ name: string; active: boolean }>(
    id,
    sql`SELECT external_id AS name, active FROM directory_user ORDER BY external_id`,
  );
  return Object.fromEntries(rows.map(({ name, active }) => [name, active]));
}
